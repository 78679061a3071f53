#!lua
-- Messages from handsets: accepted and finished at once. Without allow-oom, as `accept`.
-- In: RECEIVED, groups of {P, ids, bodies, heads with history, accounts ('': none)}.
--include base
--include record
--include finish

local state, groups = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
for _, group in ipairs(groups) do
  local P, ids, bodies, heads, accounts = unpack(group)
  local before = many_read('HMGET', P .. 's', ids)
  local g, written, named, index = gather(), {}, {}, {}
  for i = 1, #ids do
    local id = ids[i]
    if not before[i] and not index[id] then
      index[id] = true
      written[#written + 1] = id
      written[#written + 1] = bodies[i]
      if accounts[i] ~= '' then
        named[#named + 1] = id
        named[#named + 1] = accounts[i]
      end
      call('ZADD', P .. 'ix:' .. tenant_of(heads[i]), 0, id)
      finish(g, now, id, heads[i], state)
    end
  end
  if g.count > 0 then
    many('HSET', P .. 'm', written)
    many('HSET', P .. 'ch', named)
    call('HINCRBY', P .. 'ctr', 'accepted', g.count)
    flush(P, g)
  end
end
return 1
