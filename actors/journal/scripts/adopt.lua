#!lua flags=allow-oom
-- Fence older epochs and turn their in-flight messages into UNKNOWN holds; what cannot be read is set aside. In: owner, epoch, key of
-- its newest epoch or '', prefixes, hold until by class (0, 1, 2), event. Out: how many, or -1 when a newer epoch exists.
--include base
--include record

local owner, epoch, epoch_key, prefixes, holds, event = unpack(cmsgpack.unpack(ARGV[1]))
if epoch_key ~= '' then
  local newest = call('HGET', epoch_key, 'epoch')
  if newest and tonumber(newest) > epoch then return -1 end
end
for _, P in ipairs(prefixes) do
  local known = call('GET', P .. 'ep:' .. owner)
  if known and tonumber(known) > epoch then return -1 end
end
local count = 0
for _, P in ipairs(prefixes) do
  local known = call('GET', P .. 'ep:' .. owner)
  if not known or tonumber(known) < epoch then
    call('SET', P .. 'ep:' .. owner, epoch)
    local flight = P .. 'if:' .. owner
    local ids = call('ZRANGE', flight, 0, -1)
    if #ids > 0 then
      local heads = many_read('HMGET', P .. 's', ids)
      local moved, timers, dead = {}, {}, {}
      for i = 1, #ids do
        local v = heads[i]
        if readable(v) then
          if allowed(byte(v, 2), UNKNOWN) then
            moved[#moved + 1] = ids[i]
            moved[#moved + 1] = with_state(v, UNKNOWN) .. event
            timers[#timers + 1] = holds[byte(v, 3) + 1]
            timers[#timers + 1] = ids[i]
          end
        elseif v then
          dead[#dead + 1] = now_ms()
          dead[#dead + 1] = ids[i]
        end
      end
      call('DEL', flight)
      many('HSET', P .. 's', moved)
      many('ZADD', P .. 'due', timers)
      many('ZADD', P .. 'dead', dead)
      count = count + #timers / 2
    end
  end
end
return count
