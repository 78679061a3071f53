#!lua flags=allow-oom
-- When to look again at messages that stand in P.."look"; 0: never. In: groups of {P, ids, times}.
--include base

for _, group in ipairs(cmsgpack.unpack(ARGV[1])) do
  local P, ids, times = unpack(group)
  local gone = {}
  for i = 1, #ids do
    if times[i] > 0 then
      call('ZADD', P .. 'look', 'XX', times[i], ids[i])
    else
      gone[#gone + 1] = ids[i]
    end
  end
  many('ZREM', P .. 'look', gone)
end
return 1
