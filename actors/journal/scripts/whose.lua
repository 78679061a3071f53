#!lua flags=allow-oom
-- The carrier's half of `receipts` where messages are elsewhere too. In: as there. Out: id, segment and tag, or false; what is
-- unknown waits in the orphan buffer.
--include base
--include carrier

local carrier, C, carrier_ids, states, events, finals = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local found = whose(C, carrier, now, carrier_ids)
for i = 1, #carrier_ids do
  if not found[i] then keep_orphan(C, carrier, now, carrier_ids[i], states[i], events[i], finals[i]) end
end
return found
