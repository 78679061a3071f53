#!lua flags=no-writes
-- In: prefixes, tenant, newest (exclusive) or '', oldest (inclusive), limit. Out: each partition's newest ids.
--include base

local prefixes, tenant, before, from, limit = unpack(cmsgpack.unpack(ARGV[1]))
local highest = before == '' and '+' or '(' .. before
local out = {}
for _, P in ipairs(prefixes) do
  local ids = call('ZREVRANGEBYLEX', P .. 'ix:' .. tenant, highest, '[' .. from, 'LIMIT', 0, limit)
  for i = 1, #ids do out[#out + 1] = ids[i] end
end
return out
