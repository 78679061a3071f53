#!lua
-- Make messages durable. Without allow-oom: at maxmemory the whole call is refused and nothing of it took effect.
-- In: lanes ("class:tenant"), groups of {P, ids, bodies, heads, lane of each, due of each (0: queue at once), keys or nil,
-- channels or nil}.
-- Out, an item each: 1 written, 0 stood there before, n: key first used at n ms, nothing written, -n: conflict with that use.
--include base
--include record

local DAY = 86400000
local DAYS = { 0, -1, 1 } -- today, yesterday, and tomorrow: where a key is that was used while the clock was ahead
local OTP = 48 -- the class of a lane, as a character
local now
local replies = {}

local function remembered(P, digest, today)
  local bucket = byte(digest)
  for _, shift in ipairs(DAYS) do
    local entry = call('HGET', P .. 'idem:' .. today + shift .. ':' .. bucket, digest)
    if entry then
      local created = struct.unpack('>I6', entry)
      if created + DAY > now then return created, sub(entry, 7) end
    end
  end
end

local lanes, groups = unpack(cmsgpack.unpack(ARGV[1]))
for _, group in ipairs(groups) do
  local P, ids, bodies, heads, lane_of, dues, keys, channels = unpack(group, 1, 8)
  local before = many_read('HMGET', P .. 's', ids)
  local reply, seen = {}, {}
  local written, records, timers, lines, index, accounts = {}, {}, {}, {}, {}, {}
  local count = 0
  for i = 1, #ids do
    local id = ids[i]
    local verdict = (before[i] or seen[id]) and 0 or 1
    local key = keys and keys[i]
    if key and key ~= '' then
      now = now or now_ms()
      local digest, print = sub(key, 1, 16), sub(key, 17, 24)
      local own = struct.unpack('>I6', id)
      local today = math.floor(now / DAY)
      local created, first_print = remembered(P, digest, today)
      if not created then
        created, first_print = own, print
        local bucket = P .. 'idem:' .. today .. ':' .. byte(digest)
        call('HSET', bucket, digest, sub(id, 1, 6) .. print)
        call('PEXPIREAT', bucket, (today + 2) * DAY)
      end
      if first_print ~= print then verdict = -created elseif created ~= own then verdict = created end
    end
    reply[i] = verdict
    if verdict == 1 then
      seen[id] = true
      count = count + 1
      written[#written + 1] = id
      written[#written + 1] = bodies[i]
      records[#records + 1] = id
      records[#records + 1] = heads[i]
      local lane = lanes[lane_of[i]]
      local entries = index[lane]
      if not entries then
        entries = {}
        index[lane] = entries
      end
      entries[#entries + 1] = 0
      entries[#entries + 1] = id
      if channels and channels[i] ~= '' then
        accounts[#accounts + 1] = id
        accounts[#accounts + 1] = channels[i]
      end
      if dues[i] == 0 then
        add_to(lines, lane, id)
      else
        timers[#timers + 1] = dues[i]
        timers[#timers + 1] = id
      end
    end
  end
  if count > 0 then
    many('HSET', P .. 'm', written)
    many('HSET', P .. 's', records)
    many('HSET', P .. 'ch', accounts)
    for lane, entries in pairs(index) do many('ZADD', P .. 'ix:' .. sub(lane, 3), entries) end
    many('ZADD', P .. 'due', timers)
    enqueue(P, lines, 'RPUSH')
    call('HINCRBY', P .. 'ctr', 'accepted', count)
    wake('trunkline:queue', P)
    for _, lane in ipairs(lines) do
      if byte(lane) == OTP then
        wake('trunkline:urgent', P)
        break
      end
    end
  end
  replies[#replies + 1] = reply
end
return replies
