#!lua flags=allow-oom
-- Groups that are not closed. In: prefixes, how long ago their first part came at least in ms, limit.
-- Out, flat: group, id, total, numbers and octets of the parts that are there (flat).
--include base
--include parts

local prefixes, older, limit = unpack(cmsgpack.unpack(ARGV[1]))
local oldest = now_ms() - older
local out = {}
local left = limit
for _, P in ipairs(prefixes) do
  if left <= 0 then break end
  local names = call('ZRANGEBYSCORE', P .. 'pt', '-inf', oldest, 'LIMIT', 0, left)
  for _, name in ipairs(names) do
    local fields, parts, head = call('HGETALL', parts_key(P, name)), {}, {}
    for i = 1, #fields, 2 do
      local number = tonumber(fields[i])
      if number then
        parts[#parts + 1] = number
        parts[#parts + 1] = fields[i + 1]
      else
        head[fields[i]] = fields[i + 1]
      end
    end
    local n = #out
    if head.i then
      out[n + 1], out[n + 2], out[n + 3], out[n + 4] = sub(name, 1, 16), head.i, tonumber(head.t), parts
    else
      call('ZREM', P .. 'pt', name)
    end
  end
  left = left - #names
end
return out
