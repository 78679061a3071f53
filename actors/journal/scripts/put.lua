#!lua flags=allow-oom
-- In: key, name, value, lifetime in ms (0: for ever). A value with a lifetime (a decision table, one a plan) wakes nobody.
--include base

local key, name, value, life = unpack(cmsgpack.unpack(ARGV[1]))
if life > 0 then
  call('SET', key, value, 'PX', life)
else
  call('SET', key, value)
  call('PUBLISH', 'trunkline:value', name)
end
return 1
