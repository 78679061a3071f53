#!lua flags=allow-oom
-- What became of webhook events. In: 'settle', 'retry', 'bury' or 'replay'; groups of {P, events, times, tries}.
-- An event that is settled, or dropped with its record, comes back by none of these.
--include base
--include record

local act, groups = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
for _, group in ipairs(groups) do
  local P, events, times, tries = unpack(group)
  local wh, dead = P .. 'wh', P .. 'whdead'
  if act == 'settle' then
    many('ZREM', wh, events)
    many('ZREM', dead, events)
    many('HDEL', P .. 'whn', events)
  else
    for i, event in ipairs(events) do
      if act == 'retry' then
        if call('ZSCORE', wh, event) then
          call('ZADD', wh, times[i], event)
          call('HSET', P .. 'whn', event, tries[i])
        end
      elseif act == 'bury' then
        if call('ZREM', wh, event) == 1 then
          call('ZADD', dead, now, event)
          call('HSET', P .. 'whn', event, tries[i])
        end
      elseif call('ZREM', dead, event) == 1 then
        call('ZADD', wh, now, event)
        call('HDEL', P .. 'whn', event)
        wake('trunkline:notice', P)
      end
    end
  end
end
return 1
