#!lua flags=allow-oom
-- In: key, epoch, lease in ms. Out: 1, or 0 when a newer epoch exists.
--include base

local key, epoch, lease = unpack(cmsgpack.unpack(ARGV[1]))
local newest = call('HGET', key, 'epoch')
if newest and tonumber(newest) > epoch then return 0 end
call('HSET', key, 'epoch', epoch, 'until', now_ms() + lease)
return 1
