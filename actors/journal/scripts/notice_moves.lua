#!lua flags=allow-oom
-- What became of events of a channel. In: 'settle', 'retry', 'bury' or 'replay'; what the channel's keys are called (see `notices`), and
-- the dead letters' (or '': it has none); groups of {P, events, times, tries}.
-- An event that is settled, or dropped with its record, comes back by none of these.
--include base
--include record

local act, line, tally, letters, groups = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
for _, group in ipairs(groups) do
  local P, events, times, tries = unpack(group)
  local standing, counts, dead = P .. line, P .. tally, P .. letters
  if act == 'settle' then
    many('ZREM', standing, events)
    if letters ~= '' then many('ZREM', dead, events) end
    many('HDEL', counts, events)
  else
    for i, event in ipairs(events) do
      if act == 'retry' then
        if call('ZSCORE', standing, event) then
          call('ZADD', standing, times[i], event)
          call('HSET', counts, event, tries[i])
        end
      elseif act == 'bury' then
        if call('ZREM', standing, event) == 1 then
          call('ZADD', dead, now, event)
          call('HSET', counts, event, tries[i])
        end
      elseif call('ZREM', dead, event) == 1 then
        call('ZADD', standing, now, event)
        call('HDEL', counts, event)
        wake('trunkline:notice', P)
      end
    end
  end
end
return 1
