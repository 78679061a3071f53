-- What every script stands on. P is a partition's key prefix with its hash tag, such as "{p07}:".
local call, byte, char, sub = redis.call, string.byte, string.char, string.sub

local function now_ms()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Lua unpacks at most some 8,000 values; a variadic call is cut into pieces below that. args may be pairs.
local PIECE = 4000

local function many(command, key, args)
  local n = #args
  if n == 0 then return 0 end
  if n <= PIECE then return call(command, key, unpack(args)) end
  local last
  for i = 1, n, PIECE do last = call(command, key, unpack(args, i, math.min(i + PIECE - 1, n))) end
  return last
end

local function many_read(command, key, ids)
  local n = #ids
  if n == 0 then return {} end
  if n <= PIECE then return call(command, key, unpack(ids)) end
  local all = {}
  for i = 1, n, PIECE do
    local some = call(command, key, unpack(ids, i, math.min(i + PIECE - 1, n)))
    for j = 1, #some do all[#all + 1] = some[j] end
  end
  return all
end
