#!lua flags=allow-oom
-- Messages whose receipt horizon is over become UNCONFIRMED. In: prefixes, limit, event. Out: how many.
--include base
--include record
--include finish

local prefixes, limit, event = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local count = 0
for _, P in ipairs(prefixes) do
  if count >= limit then break end
  local ids = call('ZRANGEBYSCORE', P .. 'wait', '-inf', now, 'LIMIT', 0, limit - count)
  if #ids > 0 then
    local heads = many_read('HMGET', P .. 's', ids)
    local g = gather()
    for i = 1, #ids do
      local v = heads[i]
      if readable(v) and allowed(byte(v, 2), UNCONFIRMED) then finish(g, now, ids[i], v .. event, UNCONFIRMED) end
    end
    many('ZREM', P .. 'wait', ids)
    flush(P, g)
    count = count + g.count
  end
end
return count
