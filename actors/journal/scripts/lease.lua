#!lua flags=allow-oom
-- Take or renew partitions. In: owner, epoch, lease in ms, prefixes. Out: 1 (held) or 0 each.
-- P.."own" is "owner\nepoch\nuntil"; it outlives its time, so that the next taker knows whose the claimed messages were.
--include base
--include record
--include giveback

local owner, epoch, lease, prefixes = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local replies = {}
for i, P in ipairs(prefixes) do
  local held = call('GET', P .. 'own')
  local who, their_epoch, until_ms
  if held then who, their_epoch, until_ms = string.match(held, '^(.*)\n(%d+)\n(%d+)$') end
  their_epoch, until_ms = tonumber(their_epoch), tonumber(until_ms)
  local free = not who or until_ms <= now or who == owner
  if who == owner and their_epoch > epoch then free = false end
  replies[i] = free and 1 or 0
  if free then
    if who ~= owner or their_epoch ~= epoch then give_back(P) end
    call('SET', P .. 'own', string.format('%s\n%d\n%d', owner, epoch, now + lease))
  end
end
return replies
