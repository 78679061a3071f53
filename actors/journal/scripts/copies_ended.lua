#!lua flags=allow-oom
-- What became of second copies that no receipt will speak of: refused or not sent (failed), or in doubt. In: groups of {P, ids, events, final events,
-- failed, state of the end}. Out, by group: 1 for messages that end with it, as the first copy has failed already.
--include base
--include record
--include finish

local now = now_ms()
local replies = {}
for _, group in ipairs(cmsgpack.unpack(ARGV[1])) do
  local P, ids, events, finals, failed, ends = unpack(group)
  local heads = many_read('HMGET', P .. 's', ids)
  local reply, gone, latest, g = {}, {}, {}, gather()
  for i = 1, #ids do
    local id = ids[i]
    local v = latest[id] or heads[i]
    reply[i] = 0
    if readable(v) then
      local state = byte(v, 2)
      local new = add_event(v, events[i])
      if flagged(v, COPIED) and failed[i] then new = with_flag(new, COPY_FAILED) end
      if both_failed(new) and allowed(state, ends[i]) then
        new = new .. finals[i]
        finish(g, now, id, new, ends[i])
        gone[#gone + 1] = id
        reply[i] = 1
        new = with_state(new, ends[i])
      end
      if new ~= v then latest[id] = new end
    end
  end
  many('ZREM', P .. 'wait', gone)
  for id, v in pairs(latest) do keep(g, id, v) end
  flush(P, g)
  replies[#replies + 1] = reply
end
return replies
