#!lua flags=allow-oom
-- Another body for a message that nobody has in hand. In: P, id, tenant, body, segments, event. Out: the state, SENDING when it is too
-- late, or false. Repeated after it took effect it says so, wherever the message is by then.
--include base
--include record

local P, id, tenant, body, segments, event = unpack(cmsgpack.unpack(ARGV[1]))
local v = call('HGET', P .. 's', id)
if not readable(v) or tenant_of(v) ~= tenant then return false end
local state = byte(v, 2)
if (state ~= SCHEDULED and state ~= QUEUED) or call('ZSCORE', P .. 'claimed', id) then
  if event ~= '' and told(v, event) and call('HGET', P .. 'm', id) == body then return QUEUED end
  return SENDING
end
-- Without the mask: what arrived of another body is no part of this one.
local tenant_length, owner_length = byte(v, 8, 9)
local named = sub(v, 8, FIXED + tenant_length + owner_length)
call('HSET', P .. 's', id, add_event(sub(v, 1, 5) .. char(segments, 0) .. named .. history_of(v), event))
call('HSET', P .. 'm', id, body)
return state
