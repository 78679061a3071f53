-- Long messages whose parts wait for each other. A group is 16 octets; it stands in the partition of its first octet modulo 64.
-- P.."pt:<group>" HASH i -> id of the whole, t -> total, 1, 2 ... -> a part's octets; of a closed one c -> 1, and each part's digest
-- instead of the part; that expires by itself. A complete one whose group another one took goes on as P.."pt:<group><id>".
-- P.."pt" ZSET of what is behind "pt:", of those that are not closed -> when its first part came.
local function parts_key(P, name) return P .. 'pt:' .. name end

local function digest_of(octets) return sub(redis.sha1hex(octets), 1, 16) end
