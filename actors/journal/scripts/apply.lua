#!lua flags=allow-oom
-- Receipts whose messages are known. In: groups of {P, ids, {id, segment, tag, state, event, final event}}.
-- Out, a group each, flat: id, state or false, changed, attempts.
--include base
--include record
--include finish
--include receipt

local now = now_ms()
local replies = {}
for g, group in ipairs(cmsgpack.unpack(ARGV[1])) do
  local ids, out = group[2], {}
  apply(group[1], now, group[3], function(i, state, changed, attempts)
    local n = i * 4
    out[n - 3], out[n - 2], out[n - 1], out[n] = ids[i], state, changed, attempts
  end)
  replies[g] = out
end
return replies
