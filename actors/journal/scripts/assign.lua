#!lua flags=allow-oom
-- Claimed -> in flight. In: owner, its tag, epoch, key of its newest epoch or '' (then each partition's own note of it counts),
-- groups of {P, ids, attempts, events}. Out: 0 when a newer epoch exists (nothing took effect), else 1 or 0 an item.
--include base
--include record
--include fence

local owner, tag, epoch, epoch_key, groups = unpack(cmsgpack.unpack(ARGV[1]))
if fenced(owner, epoch, epoch_key, groups) then return 0 end

local now = now_ms()
local replies = {}
for _, group in ipairs(groups) do
  local P, ids, attempts, events = unpack(group)
  local heads = many_read('HMGET', P .. 's', ids)
  local claims = many_read('ZMSCORE', P .. 'claimed', ids)
  local reply, moved, gone, flight = {}, {}, {}, {}
  local seen = {}
  for i = 1, #ids do
    local id, v = ids[i], heads[i]
    reply[i] = 0
    if readable(v) then
      local _, state, class, tried, flags, segments, mask, tenant, own = byte(v, 1, 9)
      if claims[i] and not seen[id] then
        if tried == attempts[i] and tried < 255 and allowed(state, SENDING) then
          seen[id] = true
          moved[#moved + 1] = id
          moved[#moved + 1] = char(1, SENDING, class, tried + 1, flags, segments, mask, tenant, #owner) .. tag
            .. sub(v, 12, FIXED + tenant) .. owner .. sub(v, FIXED + 1 + tenant + own) .. events[i]
          gone[#gone + 1] = id
          flight[#flight + 1] = now
          flight[#flight + 1] = id
          reply[i] = 1
        end
      elseif tried == attempts[i] + 1 and sub(v, -#events[i]) == events[i] and call('ZSCORE', P .. 'if:' .. owner, id) then
        reply[i] = 1 -- the same call made again; without an event nobody knows it
      end
    end
  end
  if #gone > 0 then
    many('ZREM', P .. 'claimed', gone)
    many('ZADD', P .. 'if:' .. owner, flight)
    many('HSET', P .. 's', moved)
  end
  replies[#replies + 1] = reply
end
return replies
