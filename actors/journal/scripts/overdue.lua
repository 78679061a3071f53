#!lua flags=allow-oom
-- SENT messages without a copy whose time to be looked at has come; each comes again later, unless `put_off` says otherwise. In: prefixes, limit,
-- after how many ms again. Out, flat: id, head and history, body.
--include base
--include record

local prefixes, limit, again = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local out = {}
for _, P in ipairs(prefixes) do
  local left = limit - #out / 3
  if left <= 0 then break end
  local ids = call('ZRANGEBYSCORE', P .. 'look', '-inf', now, 'LIMIT', 0, left)
  if #ids > 0 then
    local heads, bodies = many_read('HMGET', P .. 's', ids), many_read('HMGET', P .. 'm', ids)
    local gone, later = {}, {}
    for i = 1, #ids do
      local id, v, body = ids[i], heads[i], bodies[i]
      if readable(v) and body and byte(v, 2) == SENT and not flagged(v, COPIED) then
        later[#later + 1] = now + again
        later[#later + 1] = id
        local n = #out
        out[n + 1], out[n + 2], out[n + 3] = id, v, body
      else
        gone[#gone + 1] = id
      end
    end
    many('ZREM', P .. 'look', gone)
    many('ZADD', P .. 'look', later)
  end
end
return out
