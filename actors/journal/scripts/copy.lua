#!lua flags=allow-oom
-- A second copy of SENT messages: one attempt more, noted before it leaves. They stay where they wait for a receipt. In: owner, epoch, key of its
-- newest epoch or '' (as in `assign`), groups of {P, ids, attempts, events}. Out: 0 when a newer epoch exists (nothing took effect), else 1 or 0 an item.
--include base
--include record
--include fence

local owner, epoch, epoch_key, groups = unpack(cmsgpack.unpack(ARGV[1]))
if fenced(owner, epoch, epoch_key, groups) then return 0 end

local replies = {}
for _, group in ipairs(groups) do
  local P, ids, attempts, events = unpack(group)
  local heads = many_read('HMGET', P .. 's', ids)
  local reply, moved, looked, seen = {}, {}, {}, {}
  for i = 1, #ids do
    local id, v = ids[i], heads[i]
    reply[i] = 0
    if readable(v) and not seen[id] and byte(v, 2) == SENT and byte(v, 6) == 1 and owner_of(v) ~= owner and events[i] ~= '' then
      local tried = byte(v, 4)
      if not flagged(v, COPIED) and tried == attempts[i] and tried < 255 then
        seen[id] = true
        moved[#moved + 1] = id
        moved[#moved + 1] = with_flag(sub(v, 1, 3) .. char(tried + 1) .. sub(v, 5), COPIED) .. events[i]
        looked[#looked + 1] = id
        reply[i] = 1
      elseif flagged(v, COPIED) and not flagged(v, COPY_FAILED) and tried == attempts[i] + 1 and told(v, events[i]) then
        reply[i] = 1 -- the same call made again
      end
    end
  end
  many('HSET', P .. 's', moved)
  many('ZREM', P .. 'look', looked)
  replies[#replies + 1] = reply
end
return replies
