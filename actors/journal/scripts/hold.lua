#!lua flags=allow-oom
-- In flight -> UNKNOWN with a timer. In: owner, groups of {P, ids, attempts, events, untils}.
--include base
--include record
--include leave

local owner, groups = unpack(cmsgpack.unpack(ARGV[1]))
for _, group in ipairs(groups) do
  local P, ids, attempts, events, untils = unpack(group)
  local place = place_of(P, owner)
  local heads = standing(P, place, ids, attempts)
  local gone, moved, timers, left = {}, {}, {}, {}
  for i = 1, #ids do
    local v, id = heads[i], ids[i]
    if v and not left[id] and allowed(byte(v, 2), UNKNOWN) then
      left[id] = true
      gone[#gone + 1] = id
      moved[#moved + 1] = id
      moved[#moved + 1] = with_state(v, UNKNOWN) .. events[i]
      timers[#timers + 1] = untils[i]
      timers[#timers + 1] = id
    end
  end
  if #gone > 0 then
    many('ZREM', place, gone)
    many('HSET', P .. 's', moved)
    many('ZADD', P .. 'due', timers)
  end
end
return 1
