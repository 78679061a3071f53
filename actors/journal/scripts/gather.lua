#!lua
-- Parts of long messages. Without allow-oom, as `accept`. In: groups of {P, groups, ids, numbers, totals, octets}.
-- Out, a group each, flat: id of the whole, 1 or 0 (it was there before), all parts or none.
--include base
--include parts

local now = now_ms()

local function whole_of(key, total)
  if call('HLEN', key) < total + 2 then return {} end
  local numbers = {}
  for i = 1, total do numbers[i] = i end
  local parts = call('HMGET', key, unpack(numbers))
  for i = 1, total do
    if not parts[i] then return {} end
  end
  return parts
end

-- Out: whether the part is as it was, and whether the group must begin anew.
local function look(P, group, key, octets, id, total, closed, before)
  if closed then
    if before == digest_of(octets) then return true, false end
    call('DEL', key)
    return false, true
  end
  if before and before ~= octets and #whole_of(key, total) > 0 then
    local name = group .. id
    call('RENAME', key, parts_key(P, name))
    call('ZADD', P .. 'pt', call('ZSCORE', P .. 'pt', group), name)
    return false, true
  end
  return before == octets, false
end

local replies = {}
for g, batch in ipairs(cmsgpack.unpack(ARGV[1])) do
  local P, groups, ids, numbers, totals, parts = unpack(batch)
  local reply = {}
  for i, group in ipairs(groups) do
    local key, total = parts_key(P, group), totals[i]
    local id, closed, before = unpack(call('HMGET', key, 'i', 'c', numbers[i]))
    local same, anew = false, not id
    if id then same, anew = look(P, group, key, parts[i], id, total, closed, before) end
    if anew then
      id = ids[i]
      closed = false
      call('HSET', key, 'i', id, 't', total, numbers[i], parts[i])
      call('ZADD', P .. 'pt', now, group)
    elseif not same then
      call('HSET', key, numbers[i], parts[i])
    end
    local n = i * 3
    reply[n - 2], reply[n - 1], reply[n] = id, same and 0 or 1, closed and {} or whole_of(key, total)
  end
  replies[g] = reply
end
return replies
