#!lua flags=allow-oom
-- The messages' half of `submitted` where the carrier's partition is elsewhere. In: owner, tag, groups as there.
--include base
--include record
--include finish
--include receipt
--include submit

local owner, tag, groups = unpack(cmsgpack.unpack(ARGV[1]))
for _, group in ipairs(groups) do
  local P, ids, events, horizons, carrier_ids, looks = unpack(group)
  submit(P, owner, tag, ids, events, horizons, carrier_ids, looks)
end
return 1
