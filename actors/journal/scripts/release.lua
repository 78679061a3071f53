#!lua flags=allow-oom
-- Give back what is claimed and drop the leases. In: owner, epoch, prefixes.
--include base
--include record
--include giveback

local owner, epoch, prefixes = unpack(cmsgpack.unpack(ARGV[1]))
local holder = owner .. '\n' .. string.format('%d', epoch) .. '\n'
for _, P in ipairs(prefixes) do
  local held = call('GET', P .. 'own')
  if held and sub(held, 1, #holder) == holder then
    give_back(P)
    call('DEL', P .. 'own')
  end
end
return 1
