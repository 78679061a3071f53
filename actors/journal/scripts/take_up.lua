#!lua flags=allow-oom
-- What was set aside by a release that could not read it, and has a head that this one can, goes on: what waited waits again, what was in
-- flight is in doubt, what waited for a receipt does so until the next look at its horizon. In: prefixes, limit a partition. Out: how many.
--include base
--include record

local prefixes, limit = unpack(cmsgpack.unpack(ARGV[1]))
local now, count = now_ms(), 0
for _, P in ipairs(prefixes) do
  local ids = call('ZRANGE', P .. 'dead', 0, limit - 1)
  if #ids > 0 then
    local heads = many_read('HMGET', P .. 's', ids)
    local bodies = many_read('HMGET', P .. 'm', ids)
    local lanes, gone, changed, waits = {}, {}, {}, {}
    for i = 1, #ids do
      local v, id = heads[i], ids[i]
      if readable(v) and bodies[i] then
        local state = byte(v, 2)
        gone[#gone + 1] = id
        if state == SENT then
          waits[#waits + 1] = now
          waits[#waits + 1] = id
        elseif state < DELIVERED then
          if state == SCHEDULED or state == SENDING then
            changed[#changed + 1] = id
            changed[#changed + 1] = with_state(v, state == SCHEDULED and QUEUED or UNKNOWN)
          end
          add_to_lane(lanes, v, id)
        end
      end
    end
    many('ZREM', P .. 'dead', gone)
    many('HSET', P .. 's', changed)
    many('ZADD', P .. 'wait', waits)
    if next(lanes) then
      enqueue(P, lanes, 'LPUSH')
      wake('trunkline:queue', P)
    end
    count = count + #gone
  end
end
return count
