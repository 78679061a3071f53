-- A carrier account's own partition, C: which of its message ids is whose, and receipts that came before their submit.
-- C.."dlr:<carrier>:<slot>" HASH carrier id -> id, segment octet, owner tag; a slot takes three hours and expires as a whole.
-- C.."dlrs:<carrier>" ZSET slot -> time it expires. C.."orph:<carrier>:<slot>" HASH carrier id -> packed receipts.
local SLOT = 10800000
local ORPHAN_SLOT = 450000
local ORPHAN_LIFE = 900000
local MOST_ORPHANS = 16 -- receipts of one carrier id

local function remember(C, carrier, now, pairs_of, until_ms)
  if #pairs_of == 0 then return end
  local slot = math.floor(now / SLOT)
  local key = C .. 'dlr:' .. carrier .. ':' .. slot
  many('HSET', key, pairs_of)
  if call('PEXPIRETIME', key) < until_ms then
    call('PEXPIREAT', key, until_ms)
    call('ZADD', C .. 'dlrs:' .. carrier, until_ms, slot)
    call('ZREMRANGEBYSCORE', C .. 'dlrs:' .. carrier, '-inf', now)
  end
end

-- For each carrier id: id, segment octet and tag as one string, or false.
local function whose(C, carrier, now, carrier_ids)
  local found, missing, at = {}, carrier_ids, {}
  for i = 1, #carrier_ids do
    found[i] = false
    at[i] = i
  end
  local slots = call('ZREVRANGEBYSCORE', C .. 'dlrs:' .. carrier, '+inf', now)
  for _, slot in ipairs(slots) do
    local some = many_read('HMGET', C .. 'dlr:' .. carrier .. ':' .. slot, missing)
    local still, still_at = {}, {}
    for i = 1, #some do
      if some[i] then
        found[at[i]] = some[i]
      else
        still[#still + 1] = missing[i]
        still_at[#still_at + 1] = at[i]
      end
    end
    missing, at = still, still_at
    if #missing == 0 then break end
  end
  return found
end

local function orphan_keys(C, carrier, now)
  local slot = math.floor(now / ORPHAN_SLOT)
  local prefix = C .. 'orph:' .. carrier .. ':'
  return {prefix .. slot, prefix .. (slot - 1), prefix .. (slot - 2)}
end

local function keep_orphan(C, carrier, now, carrier_id, state, event, final_event)
  local key = orphan_keys(C, carrier, now)[1]
  local packed = call('HGET', key, carrier_id)
  local all = packed and cmsgpack.unpack(packed) or {}
  for i = 1, #all do
    if all[i][2] == state and all[i][3] == event then return end
  end
  if #all >= MOST_ORPHANS then return end
  all[#all + 1] = {now, state, event, final_event}
  call('HSET', key, carrier_id, cmsgpack.pack(all))
  call('PEXPIRE', key, ORPHAN_SLOT + ORPHAN_LIFE)
end

-- Receipts that came before: {carrier id's place in the list, state, event, final event}, in the order they came.
local function orphans(C, carrier, now, carrier_ids)
  local keys = orphan_keys(C, carrier, now)
  local found = {}
  if call('EXISTS', unpack(keys)) == 0 then return found end
  for k = 3, 1, -1 do
    local some = many_read('HMGET', keys[k], carrier_ids)
    local taken = {}
    for i = 1, #some do
      if some[i] and not taken[carrier_ids[i]] then
        taken[carrier_ids[i]] = true
        for _, entry in ipairs(cmsgpack.unpack(some[i])) do
          if entry[1] + ORPHAN_LIFE > now then found[#found + 1] = {i, entry[2], entry[3], entry[4]} end
        end
      end
    end
  end
  return found
end

local function forget_orphans(C, carrier, now, carrier_ids)
  for _, key in ipairs(orphan_keys(C, carrier, now)) do many('HDEL', key, carrier_ids) end
end
