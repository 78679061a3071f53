#!lua flags=allow-oom
-- Back to the queue or to `due`; what is in doubt and only steps aside stays in doubt: its receipt is still to settle it. In: owner, whose lease it must be or '', groups of {P, ids, attempts, events, dues, counted}.
--include base
--include record
--include leave

local owner, holder, groups = unpack(cmsgpack.unpack(ARGV[1]))
for _, group in ipairs(groups) do
  local P, ids, attempts, events, dues, counted = unpack(group)
  local place = place_of(P, owner)
  local heads = held_by(P, holder) and standing(P, place, ids, attempts) or {}
  local gone, moved, timers, lanes, left = {}, {}, {}, {}, {}
  for i = 1, #ids do
    local v, id = heads[i], ids[i]
    local aside = v and byte(v, 2) == UNKNOWN -- nothing in flight is
    if v and not left[id] and (aside or byte(v, 2) == QUEUED or allowed(byte(v, 2), QUEUED)) then
      left[id] = true
      local tried = byte(v, 4)
      if owner ~= '' and not counted[i] and tried > 0 then tried = tried - 1 end
      gone[#gone + 1] = id
      moved[#moved + 1] = id
      moved[#moved + 1] = char(1, aside and UNKNOWN or QUEUED, byte(v, 3), tried) .. sub(v, 5) .. events[i]
      if dues[i] == 0 then
        add_to_lane(lanes, v, id)
      else
        timers[#timers + 1] = dues[i]
        timers[#timers + 1] = id
      end
    end
  end
  if #gone > 0 then
    many('ZREM', place, gone)
    many('HSET', P .. 's', moved)
    many('ZADD', P .. 'due', timers)
    if next(lanes) then
      enqueue(P, lanes, 'LPUSH')
      wake('trunkline:queue', P)
    end
  end
end
return 1
