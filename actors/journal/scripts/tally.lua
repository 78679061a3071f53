#!lua flags=no-writes
-- One partition at one instant. In: P, most records to look through. Out: accepted, finished, live (-1: too many records),
-- faults of rings and lines as texts.
--include base
--include record

local P, most, line_keys = unpack(cmsgpack.unpack(ARGV[1]))
local accepted, finished = unpack(call('HMGET', P .. 'ctr', 'accepted', 'finished'))
local live = -1
if call('HLEN', P .. 's') <= most then
  live = 0
  for _, v in ipairs(call('HVALS', P .. 's')) do
    if not readable(v) or byte(v, 2) < DELIVERED then live = live + 1 end
  end
end
local faults, ringed = {}, {}
for class = 0, 2 do
  for _, tenant in ipairs(call('LRANGE', P .. 'r:' .. class, 0, -1)) do
    local line = P .. 'q:' .. class .. ':' .. tenant
    if ringed[line] then faults[#faults + 1] = line .. ' is in its ring twice' end
    ringed[line] = true
    if call('EXISTS', line) == 0 then faults[#faults + 1] = line .. ' is in its ring and empty' end
  end
end
for _, line in ipairs(line_keys) do
  if not ringed[line] and call('EXISTS', line) == 1 then faults[#faults + 1] = line .. ' is not in its ring' end
end
return {tonumber(accepted or 0), tonumber(finished or 0), live, faults}
