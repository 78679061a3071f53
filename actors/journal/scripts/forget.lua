#!lua flags=allow-oom
-- Early receipts of these carrier ids have been applied. In: carrier, C, carrier ids.
--include base
--include carrier

local carrier, C, carrier_ids = unpack(cmsgpack.unpack(ARGV[1]))
forget_orphans(C, carrier, now_ms(), carrier_ids)
return 1
