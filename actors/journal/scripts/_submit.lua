-- What a carrier said of a submit.

-- Segments that got no id can bring no receipt: they count as delivered, unless that would leave nothing to wait for.
local function without_receipt(v, carrier_ids)
  if byte(v, 6) < 2 then return v end
  local some = false
  for i = 1, #carrier_ids do some = some or carrier_ids[i] ~= '' end
  if not some then return v end
  for i = 1, #carrier_ids do
    if carrier_ids[i] == '' then v = mark(v, i - 1) end
  end
  return v
end

local function with_owner(v, owner, tag)
  local tenant, own = byte(v, 8, 9)
  return sub(v, 1, 8) .. char(#owner) .. tag .. sub(v, 12, FIXED + tenant) .. owner .. sub(v, FIXED + 1 + tenant + own)
end

-- P.."look" ZSET id -> when to ask whether it ought to be sent again, for those that may be; who does not ask any more leaves it to expire.
local LOOK_LIFE = 600000

-- looks: when each of them is to be looked at first, 0: never; nil: none of them.
local function submit(P, owner, tag, ids, events, horizons, carrier_ids, looks)
  local heads = many_read('HMGET', P .. 's', ids)
  local moved, waits, landed, found, looked = {}, {}, {}, {}, {}
  local latest = {}
  for i = 1, #ids do
    local id = ids[i]
    local v = latest[id] or heads[i]
    if readable(v) then
      local state = byte(v, 2)
      local new
      if (state == SENDING and owner_of(v) == owner) or state == UNKNOWN then
        if state == UNKNOWN then
          found[#found + 1] = id
          v = with_owner(v, owner, tag)
        else
          landed[#landed + 1] = id
        end
        new = without_receipt(with_state(v, SENT), carrier_ids[i]) .. events[i]
        waits[#waits + 1] = horizons[i]
        waits[#waits + 1] = id
        if looks and looks[i] > 0 and byte(v, 6) == 1 then
          looked[#looked + 1] = looks[i]
          looked[#looked + 1] = id
        end
      else
        new = add_event(v, events[i]) -- late, double, or said by a carrier that is no longer in charge: noted, nothing moves
      end
      if new ~= v then
        latest[id] = new
        moved[#moved + 1] = id
        moved[#moved + 1] = new
      end
    end
  end
  many('ZREM', P .. 'if:' .. owner, landed)
  if #found > 0 then
    many('ZREM', P .. 'due', found)
    many('ZREM', P .. 'claimed', found)
    many('ZREM', P .. 'dead', found)
  end
  many('ZADD', P .. 'wait', waits)
  many('HSET', P .. 's', moved)
  if #looked > 0 then
    many('ZADD', P .. 'look', looked)
    call('PEXPIRE', P .. 'look', LOOK_LIFE)
  end
end
