-- The head of a record, in P.."s" before its history (octets, from 1): 1 version, 2 state, 3 class, 4 attempts, 5 flags
-- (1 wants events, 2 has an idempotency key, 4 its account is in P.."ch", 8 a second copy was made while the first was SENT, 16 of these two
-- the first has failed, 32 the second has), 6 receipts that make it delivered, 7 length of the segment mask, 8 length of the
-- tenant, 9 length of the owner, 10-11 tag of the owner, 12-15 own retention in seconds (0: the default),
-- then tenant, owner (the latest carrier owner it was assigned to), mask of segments delivered. All of it in actors/journal/head.py too.
local SCHEDULED, QUEUED, SENDING, UNKNOWN, SENT, DELIVERED, CANCELED, UNCONFIRMED = 1, 2, 3, 4, 5, 16, 21, 22
local FIXED = 15

local function allowed(from, to) return byte(ALLOWED, from * 32 + to + 1) == 49 end

local function readable(v) return v and byte(v) == 1 end

local function with_state(v, state) return char(1, state) .. sub(v, 3) end

local function tenant_of(v) return sub(v, FIXED + 1, FIXED + byte(v, 8)) end

local function owner_of(v)
  local tenant, owner = byte(v, 8, 9)
  return sub(v, FIXED + 1 + tenant, FIXED + tenant + owner)
end

local function history_at(v)
  local mask, tenant, owner = byte(v, 7, 9)
  return FIXED + 1 + mask + tenant + owner
end

local function history_of(v) return sub(v, history_at(v)) end

-- One event is told once: a call made again finds its line there.
local function told(v, event) return string.find(v, event, history_at(v), true) ~= nil end

local function add_event(v, event)
  if told(v, event) then return v end
  return v .. event
end

-- Ids to the front (or the end) of their lines; lanes: a list of "class:tenant", and each of these -> ids in order. A tenant stands in the ring of its class
-- if and only if its line is not empty.
local function enqueue(P, lanes, command)
  for _, lane in ipairs(lanes) do
    local ids = lanes[lane]
    if command == 'LPUSH' then
      local turned, n = {}, #ids
      for i = 1, n do turned[i] = ids[n + 1 - i] end
      ids = turned
    end
    if many(command, P .. 'q:' .. lane, ids) == #ids then call('RPUSH', P .. 'r:' .. sub(lane, 1, 1), sub(lane, 3)) end
  end
end

local function add_to(lanes, lane, id)
  local ids = lanes[lane]
  if ids then
    ids[#ids + 1] = id
  else
    lanes[lane] = {id}
    lanes[#lanes + 1] = lane
  end
end

local function add_to_lane(lanes, v, id) add_to(lanes, byte(v, 3) .. ':' .. tenant_of(v), id) end

local function wake(channel, P) call('PUBLISH', channel, tonumber(sub(P, 3, 4))) end

local function wants_events(v) return byte(v, 5) % 2 == 1 end

local function keyed(v) return byte(v, 5) % 4 >= 2 end

local function has_channel(v) return byte(v, 5) % 8 >= 4 end

local COPIED, FIRST_FAILED, COPY_FAILED = 8, 16, 32

local function flagged(v, flag) return bit.band(byte(v, 5), flag) ~= 0 end

local function with_flag(v, flag) return sub(v, 1, 4) .. char(bit.bor(byte(v, 5), flag)) .. sub(v, 6) end

local function both_failed(v) return flagged(v, FIRST_FAILED) and flagged(v, COPY_FAILED) end
