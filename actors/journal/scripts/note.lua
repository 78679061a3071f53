#!lua flags=allow-oom
-- A line beside the history, whatever the message's state: a message has at most one of its kind. In, by partition: P, ids, tenants, kinds,
-- events. Out, by partition: of each the line that stands, which is the one given if it was the first, or false where the tenant has no such message.
--include base
--include record

-- Octets of what has no length of its own, by first octet; and how many octets of length follow it, with what comes after them.
-- By hand, because cmsgpack reads no octet strings (0xc4 to 0xc6) and no extensions.
local FIXED_SIZE = {
  [0xc0] = 1, [0xc2] = 1, [0xc3] = 1, [0xca] = 5, [0xcb] = 9, [0xcc] = 2, [0xcd] = 3, [0xce] = 5, [0xcf] = 9,
  [0xd0] = 2, [0xd1] = 3, [0xd2] = 5, [0xd3] = 9, [0xd4] = 3, [0xd5] = 4, [0xd6] = 6, [0xd7] = 10, [0xd8] = 18,
}
local OCTETS = {[0xc4] = 1, [0xd9] = 1, [0xc5] = 2, [0xda] = 2, [0xc6] = 4, [0xdb] = 4}
local EXTENSION = {[0xc7] = 1, [0xc8] = 2, [0xc9] = 4}
local MEMBERS = {[0xdc] = 2, [0xdd] = 4, [0xde] = 2, [0xdf] = 4}

local function length(s, at, octets)
  local n = 0
  for i = at, at + octets - 1 do n = n * 256 + (byte(s, i) or 0) end
  return n
end

-- The place after the value that begins at a place, and for arrays how many members it has and where the first one begins; nothing past the end.
local function pass(s, at)
  local b = byte(s, at)
  if not b then return nil end
  if b < 0x80 or b >= 0xe0 then return at + 1 end
  if b >= 0xa0 and b < 0xc0 then return at + 1 + b - 0xa0 end
  if FIXED_SIZE[b] then return at + FIXED_SIZE[b] end
  if OCTETS[b] then return at + 1 + OCTETS[b] + length(s, at + 1, OCTETS[b]) end
  if EXTENSION[b] then return at + 2 + EXTENSION[b] + length(s, at + 1, EXTENSION[b]) end
  if b == 0xc1 then return nil end
  local members, first = b % 16, at + 1
  if MEMBERS[b] then members, first = length(s, first, MEMBERS[b]), first + MEMBERS[b] end
  local map, after = b < 0x90 or b >= 0xde, first
  for _ = 1, map and members * 2 or members do
    after = pass(s, after)
    if not after then return nil end
  end
  if map then return after end
  return after, members, first
end

-- The line of this kind, if there is one; the kind is a line's second member. A history that cannot be read to its end has none.
local function standing(v, kind)
  local lines, at = history_of(v), 1
  while at do
    local after, members, first = pass(lines, at)
    if not after or after > #lines + 1 then return nil end
    if members and members > 1 and byte(lines, pass(lines, first)) == kind then return sub(lines, at, after - 1) end
    at = after
  end
end

local replies = {}
for _, part in ipairs(cmsgpack.unpack(ARGV[1])) do
  local P, ids, tenants, kinds, events = unpack(part)
  local reply = {}
  for i = 1, #ids do
    local v = call('HGET', P .. 's', ids[i])
    if not readable(v) or tenant_of(v) ~= tenants[i] or call('HEXISTS', P .. 'm', ids[i]) == 0 then
      reply[i] = false
    else
      local stands = standing(v, kinds[i])
      if not stands then
        call('HSET', P .. 's', ids[i], v .. events[i])
        stands = events[i]
      end
      reply[i] = stands
    end
  end
  replies[#replies + 1] = reply
end
return replies
