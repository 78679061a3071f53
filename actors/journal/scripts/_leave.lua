-- Out of the claimed set (owner == '') or a carrier owner's in-flight set: where an item stands decides whether it may leave.
local function place_of(P, owner)
  if owner == '' then return P .. 'claimed' end
  return P .. 'if:' .. owner
end

-- Whether a partition is still leased under the epoch that these were claimed under: after that they are somebody else's, or his anew.
local function held_by(P, holder)
  return holder == '' or sub(call('GET', P .. 'own') or '', 1, #holder) == holder
end

-- Heads of the items that stand in the place now (the caller sees to an id that comes twice) and are of the attempt asked for (0: any); false for the others.
local function standing(P, place, ids, attempts)
  local heads = many_read('HMGET', P .. 's', ids)
  local there = many_read('ZMSCORE', place, ids)
  for i = 1, #ids do
    local v = heads[i]
    if not (readable(v) and there[i]) or (attempts[i] ~= 0 and attempts[i] ~= byte(v, 4)) then heads[i] = false end
  end
  return heads
end
