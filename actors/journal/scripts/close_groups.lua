#!lua flags=allow-oom
-- The wholes of groups are durable. In: how long to know their parts again in ms, groups of {P, names}; a name is a group, or a group
-- and the id of its whole: then only that one is closed.
--include base
--include parts

local keep, batches = unpack(cmsgpack.unpack(ARGV[1]))
for _, batch in ipairs(batches) do
  local P, names = unpack(batch)
  for _, name in ipairs(names) do
    local group, wanted = sub(name, 1, 16), sub(name, 17)
    local key = parts_key(P, group)
    if wanted ~= '' and call('DEL', parts_key(P, name)) == 1 then call('ZREM', P .. 'pt', name) end
    local id, closed = unpack(call('HMGET', key, 'i', 'c'))
    if id and not closed and (wanted == '' or wanted == id) then
      local fields = call('HGETALL', key)
      for i = 1, #fields, 2 do
        if tonumber(fields[i]) then fields[i + 1] = digest_of(fields[i + 1]) end
      end
      call('DEL', key) -- written anew it is packed again: parts had made a table of it
      call('HSET', key, 'c', 1, unpack(fields))
      call('PEXPIRE', key, keep)
      call('ZREM', P .. 'pt', group)
    end
  end
end
return 1
