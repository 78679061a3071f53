#!lua flags=allow-oom
-- End messages. In: owner, whose lease it must be or '', groups of {P, ids, attempts, events, states}.
--include base
--include record
--include leave
--include finish

local owner, holder, groups = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
for _, group in ipairs(groups) do
  local P, ids, attempts, events, states = unpack(group)
  local place = place_of(P, owner)
  local heads = held_by(P, holder) and standing(P, place, ids, attempts) or {}
  local gone, left, g = {}, {}, gather()
  for i = 1, #ids do
    local v = heads[i]
    if v and not left[ids[i]] and states[i] >= DELIVERED and allowed(byte(v, 2), states[i]) then
      left[ids[i]] = true
      gone[#gone + 1] = ids[i]
      finish(g, now, ids[i], v .. events[i], states[i])
    end
  end
  many('ZREM', place, gone)
  flush(P, g)
end
return 1
