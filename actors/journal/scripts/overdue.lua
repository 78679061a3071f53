#!lua flags=allow-oom
-- SENT messages whose time to be looked at has come; each comes again later, unless `put_off` says otherwise or it is copied. In: prefixes, limit,
-- after how many ms again. Out: 1 where the limit was reached, and flat: id, head and history, body.
--include base
--include record

local prefixes, limit, again = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local out, left = {}, limit
for _, P in ipairs(prefixes) do
  if left <= 0 then break end
  local ids = call('ZRANGEBYSCORE', P .. 'look', '-inf', now, 'LIMIT', 0, left)
  left = left - #ids
  if #ids > 0 then
    local heads = many_read('HMGET', P .. 's', ids)
    local gone, later, found, found_heads = {}, {}, {}, {}
    for i = 1, #ids do
      local id, v = ids[i], heads[i]
      if readable(v) and byte(v, 2) == SENT then
        later[#later + 1] = now + again
        later[#later + 1] = id
        found[#found + 1] = id
        found_heads[#found] = v
      else
        gone[#gone + 1] = id
      end
    end
    for i, body in ipairs(many_read('HMGET', P .. 'm', found)) do
      local n = #out
      out[n + 1], out[n + 2], out[n + 3] = found[i], found_heads[i], body or ''
    end
    many('ZREM', P .. 'look', gone)
    many('ZADD', P .. 'look', later)
  end
end
return {left <= 0 and 1 or 0, out}
