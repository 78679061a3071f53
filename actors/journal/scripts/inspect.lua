#!lua flags=no-writes
-- Everywhere that ids stand. In: P, ids, further owners. Out, flat: head and history or false, body or false, places as one text.
--include base
--include record

local P, ids, owners = unpack(cmsgpack.unpack(ARGV[1]))
local out = {}
for _, id in ipairs(ids) do
  local v = call('HGET', P .. 's', id)
  local places = {}
  for _, place in ipairs({'claimed', 'due', 'wait', 'dead'}) do
    if call('ZSCORE', P .. place, id) then places[#places + 1] = place end
  end
  local asked = {}
  for _, owner in ipairs(owners) do asked[owner] = true end
  if readable(v) then
    asked[owner_of(v)] = true
    local state = byte(v, 2)
    if state == QUEUED or state == UNKNOWN then
      local found = call('LPOS', P .. 'q:' .. byte(v, 3) .. ':' .. tenant_of(v), id, 'COUNT', 2)
      for _ = 1, #found do places[#places + 1] = 'queue' end
    end
    if state >= DELIVERED then places[#places + 1] = 'final' end
  end
  for owner in pairs(asked) do
    if call('ZSCORE', P .. 'if:' .. owner, id) then places[#places + 1] = 'inflight:' .. owner end
  end
  local n = #out
  out[n + 1], out[n + 2], out[n + 3] = v, call('HGET', P .. 'm', id), table.concat(places, ' ')
end
return out
