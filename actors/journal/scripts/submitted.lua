#!lua flags=allow-oom
-- A carrier took messages; everything on one server, in one step. In: owner, tag, carrier, C, how long ids are kept after the
-- horizon in ms, groups of {P, ids, events, horizons, carrier ids, times to look at them again or nothing}. Out, flat: id, state, changed, attempts of each early receipt.
--include base
--include record
--include finish
--include receipt
--include submit
--include carrier

local owner, tag, carrier, C, margin, groups = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local out, all, back, pairs_of, latest = {}, {}, {}, {}, 0
for g, group in ipairs(groups) do
  local P, ids, events, horizons, carrier_ids, looks = unpack(group)
  submit(P, owner, tag, ids, events, horizons, carrier_ids, looks)
  for i = 1, #ids do
    latest = math.max(latest, horizons[i])
    for segment, carrier_id in ipairs(carrier_ids[i]) do
      if carrier_id ~= '' then
        all[#all + 1] = carrier_id
        back[#back + 1] = {g, ids[i], segment - 1}
        pairs_of[#pairs_of + 1] = carrier_id
        pairs_of[#pairs_of + 1] = ids[i] .. char(segment - 1) .. tag
      end
    end
  end
end
remember(C, carrier, now, pairs_of, math.max(latest, now) + margin)
local early = orphans(C, carrier, now, all)
if #early > 0 then
  local by_group = {}
  for _, r in ipairs(early) do
    local g, id, segment = unpack(back[r[1]])
    by_group[g] = by_group[g] or {}
    table.insert(by_group[g], {id, segment, tag, r[2], r[3], r[4]})
  end
  for g, items in pairs(by_group) do
    apply(groups[g][1], now, items, function(i, state, changed, attempts)
      local n = #out
      out[n + 1], out[n + 2], out[n + 3], out[n + 4] = items[i][1], state, changed, attempts
    end)
  end
  forget_orphans(C, carrier, now, all)
end
return out
