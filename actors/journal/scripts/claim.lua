#!lua flags=allow-oom
-- Take waiting messages into the claimed sets. In: owner, epoch, prefixes in the order to visit, {class, wanted} in class order.
-- Out: {id, head and history, body, ...} flat, numbers of partitions with more left.
--include base
--include record

local owner, epoch, prefixes, wanted = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local holder = owner .. '\n' .. string.format('%d', epoch) .. '\n'
local SMALLEST = 16 -- a partition gives this many at a time at least: below it the calls cost more than the messages

local out = {}

-- Tenants in turn, each as many as its share. With one each there are as many calls as messages: the ring is turned for all of them at once.
local function pop_turns(P, class, most)
  local ring, lines = P .. 'r:' .. class, P .. 'q:' .. class .. ':'
  local ids = {}
  local waiting = call('LLEN', ring)
  while #ids < most and waiting > 0 do
    local share = math.ceil((most - #ids) / waiting)
    local tenants, left = call('LPOP', ring, share == 1 and most - #ids or 1), {}
    for _, tenant in ipairs(tenants) do
      local some = call('LPOP', lines .. tenant, share) or {}
      for i = 1, #some do ids[#ids + 1] = some[i] end
      if #some == share and call('EXISTS', lines .. tenant) == 1 then left[#left + 1] = tenant end
    end
    many('RPUSH', ring, left)
    waiting = waiting - #tenants
    if waiting == 0 and #ids < most then waiting = call('LLEN', ring) end
  end
  return ids
end

-- How many were claimed, and how many were taken out of their lines for that.
local function draw(P, class, most)
  local ids = pop_turns(P, class, most)
  if #ids == 0 then return 0, 0 end
  local heads = many_read('HMGET', P .. 's', ids)
  local bodies = many_read('HMGET', P .. 'm', ids)
  local taken, dead = {}, {}
  for i = 1, #ids do
    local v, body = heads[i], bodies[i]
    if readable(v) then
      local state = byte(v, 2)
      if state == QUEUED or state == UNKNOWN then
        if body then
          taken[#taken + 1] = 0 -- no times: what is given back goes oldest message first
          taken[#taken + 1] = ids[i]
          local n = #out
          out[n + 1], out[n + 2], out[n + 3] = ids[i], v, body
        else
          dead[#dead + 1] = now
          dead[#dead + 1] = ids[i]
        end
      end
    elseif v or body then
      dead[#dead + 1] = now
      dead[#dead + 1] = ids[i]
    end
  end
  many('ZADD', P .. 'claimed', taken)
  many('ZADD', P .. 'dead', dead)
  return #taken / 2, #ids
end

-- One call a class tells whether there is anything at all; only then each partition is asked.
local rings, leases, of_class = {}, {}, {}
for k in ipairs(wanted) do of_class[k] = {} end
for i, P in ipairs(prefixes) do
  local keys = {}
  for k, want in ipairs(wanted) do
    keys[k] = P .. 'r:' .. want[1]
    of_class[k][i] = keys[k]
  end
  rings[i] = keys
  leases[i] = P .. 'own'
end
local there, all = {}, 0
for k, keys in ipairs(of_class) do
  there[k] = call('EXISTS', unpack(keys))
  all = all + there[k]
end
if all == 0 then return {out, {}} end
local ready = {}
for i, lease in ipairs(call('MGET', unpack(leases))) do
  if lease and sub(lease, 1, #holder) == holder and tonumber(sub(lease, #holder + 1)) > now
    and call('EXISTS', unpack(rings[i])) > 0 then
    ready[#ready + 1] = {prefixes[i], rings[i]}
  end
end

for k, want in ipairs(wanted) do
  local class, left = want[1], want[2]
  local share = math.max(SMALLEST, math.ceil(left / math.max(1, #ready)))
  local again = {} -- those that gave all they were asked for: the others have no more of this class
  for pass = 1, there[k] > 0 and 2 or 0 do
    for _, entry in ipairs(pass == 1 and ready or again) do
      if left <= 0 then break end
      local asked = pass == 1 and math.min(left, share) or left
      local claimed, found = draw(entry[1], class, asked)
      left = left - claimed
      if found > 0 then entry[3] = true end
      if pass == 1 and found == asked then again[#again + 1] = entry end
    end
  end
end

local more = {}
for _, entry in ipairs(ready) do -- who gave nothing has what it had
  if not entry[3] or call('EXISTS', unpack(entry[2])) > 0 then more[#more + 1] = tonumber(sub(entry[1], 3, 4)) end
end
return {out, more}
