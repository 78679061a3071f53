#!lua flags=allow-oom
-- A line beside the history, whatever the message's state: a message has at most one of its kind. In, by partition: P, ids, tenants, kinds,
-- events. Out, by partition: of each the line that stands, which is the one given if it was the first, or false where the tenant has no such message.
--include base
--include record

-- The line of this kind, if there is one. A history that cannot be read to its end has none.
local function standing(v, kind)
  local lines = history_of(v)
  local begin, size = 0, #lines
  while begin >= 0 and begin < size do
    local good, after, line = pcall(cmsgpack.unpack_one, lines, begin)
    if not good then return nil end
    if type(line) == 'table' and line[2] == kind then return sub(lines, begin + 1, after < 0 and size or after) end
    begin = after
  end
end

local replies = {}
for _, part in ipairs(cmsgpack.unpack(ARGV[1])) do
  local P, ids, tenants, kinds, events = unpack(part)
  local reply = {}
  for i = 1, #ids do
    local v = call('HGET', P .. 's', ids[i])
    if not readable(v) or tenant_of(v) ~= tenants[i] or call('HEXISTS', P .. 'm', ids[i]) == 0 then
      reply[i] = false
    else
      local stands = standing(v, kinds[i])
      if not stands then
        call('HSET', P .. 's', ids[i], v .. events[i])
        stands = events[i]
      end
      reply[i] = stands
    end
  end
  replies[#replies + 1] = reply
end
return replies
