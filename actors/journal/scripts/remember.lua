#!lua flags=allow-oom
-- The carrier's half of `submitted` where it is on a server of its own. In: carrier, C, carrier id and whose it is (flat),
-- latest horizon, how long ids are kept after it in ms. Out: receipts that came before, which stay until `forget`.
--include base
--include carrier

local carrier, C, pairs_of, latest, margin = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
remember(C, carrier, now, pairs_of, math.max(latest, now) + margin)
local all = {}
for i = 1, #pairs_of, 2 do all[#all + 1] = pairs_of[i] end
return orphans(C, carrier, now, all)
