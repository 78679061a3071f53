#!lua flags=allow-oom
-- Hand out events of a channel. In: what its keys are called ('wh' and 'whn', or 'rx:<account>' and 'rxn:<account>'), prefixes, limit,
-- lease in ms. Out, flat: id and state, tries, body or false, head and history or false.
-- The first key is a ZSET event -> when it may be handed out (again): a claim moves that by the lease, a retry to its time.
--include base
--include clock

local line, tally, prefixes, limit, lease = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local out = {}
local left = limit
for _, P in ipairs(prefixes) do
  if left <= 0 then break end
  local standing = P .. line
  if call('EXISTS', standing) == 1 then
    local early = gone_back(P, line, now)
    if early > 0 then bring_forward(standing, now, early) end
  end
  local events = call('ZRANGEBYSCORE', standing, '-inf', now, 'LIMIT', 0, left)
  if #events > 0 then
    local ids, leases = {}, {}
    for i = 1, #events do
      ids[i] = sub(events[i], 1, 16)
      leases[#leases + 1] = now + lease
      leases[#leases + 1] = events[i]
    end
    local heads = many_read('HMGET', P .. 's', ids)
    local bodies = many_read('HMGET', P .. 'm', ids)
    local tries = many_read('HMGET', P .. tally, events)
    many('ZADD', standing, leases)
    for i = 1, #events do
      local n = #out
      out[n + 1], out[n + 2], out[n + 3], out[n + 4] = events[i], tonumber(tries[i] or 0), bodies[i], heads[i]
    end
    left = left - #events
  end
end
return out
