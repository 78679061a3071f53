#!lua flags=no-writes
-- In: prefixes, limit. Out, flat: time of burial, id and state, tries, body or false, head and history or false, of each partition's oldest.
--include base

local prefixes, limit = unpack(cmsgpack.unpack(ARGV[1]))
local out = {}
for _, P in ipairs(prefixes) do
  local found = call('ZRANGE', P .. 'whdead', 0, limit - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    local event = found[i]
    local id = sub(event, 1, 16)
    local n = #out
    out[n + 1], out[n + 2], out[n + 3] = tonumber(found[i + 1]), event, tonumber(call('HGET', P .. 'whn', event))
    out[n + 4], out[n + 5] = call('HGET', P .. 'm', id), call('HGET', P .. 's', id)
  end
end
return out
