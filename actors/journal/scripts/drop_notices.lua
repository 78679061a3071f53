#!lua flags=allow-oom
-- Forget events of a channel that nobody claimed. In: what its keys are called (see `notices`), prefixes, for how long in ms, limit.
-- Out: how many.
--include base

local line, tally, prefixes, older, limit = unpack(cmsgpack.unpack(ARGV[1]))
local oldest = now_ms() - older
local dropped = 0
for _, P in ipairs(prefixes) do
  if dropped >= limit then break end
  local events = call('ZRANGEBYSCORE', P .. line, '-inf', oldest, 'LIMIT', 0, limit - dropped)
  if #events > 0 then
    many('ZREM', P .. line, events)
    many('HDEL', P .. tally, events)
    dropped = dropped + #events
  end
end
return dropped
