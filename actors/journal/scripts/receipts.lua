#!lua flags=allow-oom
-- Receipts of one carrier account; everything on one server, in one step. In: carrier, C, carrier ids, states, events, final events.
-- Out, flat: id or false, state or false, changed, attempts of each.
--include base
--include record
--include finish
--include receipt
--include carrier

local carrier, C, carrier_ids, states, events, finals = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local found = whose(C, carrier, now, carrier_ids)
local out, groups, order = {}, {}, {}
for i = 1, #carrier_ids do
  local entry = found[i]
  local n = i * 4
  out[n - 3], out[n - 2], out[n - 1], out[n] = false, false, 0, 0
  if entry then
    local id = sub(entry, 1, 16)
    out[n - 3] = id
    local partition = math.floor(byte(id, 7) / 4)
    local group = groups[partition]
    if not group then
      group = {at = {}}
      groups[partition] = group
      order[#order + 1] = partition
    end
    group[#group + 1] = {id, byte(entry, 17), sub(entry, 18, 19), states[i], events[i], finals[i]}
    group.at[#group] = n
  else
    keep_orphan(C, carrier, now, carrier_ids[i], states[i], events[i], finals[i])
  end
end
for _, partition in ipairs(order) do
  local group = groups[partition]
  apply(string.format('{p%02d}:', partition), now, group, function(i, state, changed, attempts)
    local n = group.at[i]
    out[n - 2], out[n - 1], out[n] = state, changed, attempts
  end)
end
return out
