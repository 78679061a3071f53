#!lua flags=allow-oom
-- In: P, id, tenant, event. Out: the state afterwards, or false. An id left in a line is dropped when it is claimed.
--include base
--include record
--include finish

local P, id, tenant, event = unpack(cmsgpack.unpack(ARGV[1]))
local v = call('HGET', P .. 's', id)
if not readable(v) or tenant_of(v) ~= tenant then return false end
local state = byte(v, 2)
if not allowed(state, CANCELED) then return state end
call('ZREM', P .. 'due', id)
call('ZREM', P .. 'claimed', id)
call('ZREM', P .. 'dead', id)
local g = gather()
finish(g, now_ms(), id, v .. event, CANCELED)
flush(P, g)
return CANCELED
