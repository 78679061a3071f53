#!lua flags=allow-oom
-- A new epoch for an owner. In: key, incarnation, lease in ms. Out: epoch, previous incarnation, ms its lease still runs.
-- The same incarnation asking again gets the same answer.
--include base

local key, incarnation, lease = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local epoch, holder, until_ms, before, before_until = unpack(call('HMGET', key, 'epoch', 'holder', 'until', 'before', 'before_until'))
if holder == incarnation then
  call('HSET', key, 'until', now + lease)
else
  before, before_until = holder or '', until_ms or 0
  epoch = call('HINCRBY', key, 'epoch', 1)
  call('HSET', key, 'holder', incarnation, 'until', now + lease, 'before', before, 'before_until', before_until)
end
return {tonumber(epoch), before, math.max(0, tonumber(before_until) - now)}
