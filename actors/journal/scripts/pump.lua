#!lua flags=allow-oom
-- Due timers to the front of their lines. In: prefixes, limit. Out: how many moved, time of the next timer in ms or 0.
--include base
--include record
--include clock

local prefixes, limit = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local moved, soonest = 0, 0
for _, P in ipairs(prefixes) do
  local due = P .. 'due'
  local first = call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
  local early = first and gone_back(P, 'due', now) or 0
  if early > 0 then
    bring_forward(due, now, early, function(id) -- whose time is its sender's, and not reckoned from a moment
      local v = call('HGET', P .. 's', id)
      return v and byte(v, 2) == SCHEDULED
    end)
    first = call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
  end
  if first and tonumber(first) <= now and moved < limit then
    local ids = call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, limit - moved)
    local heads = many_read('HMGET', P .. 's', ids)
    local lanes, changed, dead = {}, {}, {}
    for i = 1, #ids do
      local v, id = heads[i], ids[i]
      if readable(v) then
        local state = byte(v, 2)
        if state == SCHEDULED then
          changed[#changed + 1] = id
          changed[#changed + 1] = with_state(v, QUEUED)
        end
        if state == SCHEDULED or state == QUEUED or state == UNKNOWN then add_to_lane(lanes, v, id) end
      else
        dead[#dead + 1] = now
        dead[#dead + 1] = id
      end
    end
    many('ZREM', due, ids)
    many('HSET', P .. 's', changed)
    many('ZADD', P .. 'dead', dead)
    enqueue(P, lanes, 'LPUSH')
    wake('trunkline:queue', P)
    moved = moved + #ids
    first = call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
  end
  if first and (soonest == 0 or tonumber(first) < soonest) then soonest = tonumber(first) end
end
return {moved, soonest}
