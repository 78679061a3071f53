#!lua flags=allow-oom
-- Messages whose receipt horizon is over become UNCONFIRMED; what cannot be read is set aside. In: prefixes, limit, event. Out: how many.
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
    local g, dead = gather(), {}
    for i = 1, #ids do
      local v = heads[i]
      if readable(v) then
        if allowed(byte(v, 2), UNCONFIRMED) then finish(g, now, ids[i], v .. event, UNCONFIRMED) end
      elseif v then
        dead[#dead + 1] = now
        dead[#dead + 1] = ids[i]
      end
    end
    many('ZREM', P .. 'wait', ids)
    many('ZADD', P .. 'dead', dead)
    flush(P, g)
    count = count + g.count
  end
end
return count
