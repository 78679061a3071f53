#!lua flags=allow-oom
-- Out of the claimed set, and aside, for a release that can read them. In: whose lease it must be or '', groups of {P, ids}. Out: how many.
--include base
--include record
--include leave

local holder, groups = unpack(cmsgpack.unpack(ARGV[1]))
local now, count = now_ms(), 0
for _, group in ipairs(groups) do
  local P, ids = unpack(group)
  if held_by(P, holder) then
    local there = many_read('ZMSCORE', P .. 'claimed', ids)
    local gone, dead = {}, {}
    for i = 1, #ids do
      if there[i] then
        gone[#gone + 1] = ids[i]
        dead[#dead + 1] = now
        dead[#dead + 1] = ids[i]
      end
    end
    many('ZREM', P .. 'claimed', gone)
    many('ZADD', P .. 'dead', dead)
    count = count + #gone
  end
end
return count
