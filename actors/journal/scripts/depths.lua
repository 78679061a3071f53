#!lua flags=no-writes
-- In: prefixes, classes. Out, flat by class: how many ids wait, creation time of the oldest at the head of a line in ms or 0.
--include base

local prefixes, classes = unpack(cmsgpack.unpack(ARGV[1]))
local out = {}
for _, class in ipairs(classes) do
  local queued, oldest = 0, 0
  for _, P in ipairs(prefixes) do
    for _, tenant in ipairs(call('LRANGE', P .. 'r:' .. class, 0, -1)) do
      local line = P .. 'q:' .. class .. ':' .. tenant
      queued = queued + call('LLEN', line)
      local first = call('LINDEX', line, 0)
      if first then
        local created = struct.unpack('>I6', first)
        if oldest == 0 or created < oldest then oldest = created end
      end
    end
  end
  out[#out + 1] = queued
  out[#out + 1] = oldest
end
return out
