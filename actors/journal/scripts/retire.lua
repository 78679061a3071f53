#!lua flags=allow-oom
-- Drop what ended longer than its retention ago. In: prefixes, limit, default retention in ms. Out: how many records were handled.
-- P.."t" LIST of id and end time, in order of ending, for those with the default retention; P.."tx" ZSET id -> time, for the rest.
-- A record whose webhook or account is still to be told stays another hour; one with an idempotency key leaves its head for 25 hours, in
-- order that a replay of its request is not taken for a new one.
--include base
--include record

local prefixes, limit, keep = unpack(cmsgpack.unpack(ARGV[1]))
local now = now_ms()
local HOUR, KEYED = 3600000, 90000000
local handled = 0

local function due_ids(P, most)
  local ids = {}
  local entries = call('LRANGE', P .. 't', 0, most - 1)
  local ripe = 0
  for i = 1, #entries do
    if struct.unpack('>I6', sub(entries[i], 17)) + keep > now then break end
    ids[#ids + 1] = sub(entries[i], 1, 16)
    ripe = i
  end
  if ripe > 0 then call('LPOP', P .. 't', ripe) end
  local others = call('ZRANGEBYSCORE', P .. 'tx', '-inf', now, 'LIMIT', 0, most - #ids)
  many('ZREM', P .. 'tx', others)
  for i = 1, #others do ids[#ids + 1] = others[i] end
  return ids
end

-- The SMPP accounts of those that have one, by id.
local function accounts_of(P, ids, heads)
  local asked, found = {}, {}
  for i = 1, #ids do
    if heads[i] and has_channel(heads[i]) then asked[#asked + 1] = ids[i] end
  end
  for i, account in ipairs(many_read('HMGET', P .. 'ch', asked)) do found[asked[i]] = account end
  return found
end

for _, P in ipairs(prefixes) do
  if handled >= limit then break end
  local ids = due_ids(P, limit - handled)
  if #ids > 0 then
    local heads = many_read('HMGET', P .. 's', ids)
    local accounts = accounts_of(P, ids, heads)
    local bodies, records, later, short, index, notices, named = {}, {}, {}, {}, {}, {}, {}
    for i = 1, #ids do
      local id, v = ids[i], heads[i]
      if v then
        local state, account = byte(v, 2), accounts[id]
        local created = struct.unpack('>I6', id)
        local told_of = id .. char(state)
        if (wants_events(v) and call('ZSCORE', P .. 'wh', told_of)) or (account and call('ZSCORE', P .. 'rx:' .. account, told_of)) then
          later[#later + 1] = now + HOUR
          later[#later + 1] = id
        else
          bodies[#bodies + 1] = id
          if wants_events(v) then notices[#notices + 1] = told_of end
          if account then named[#named + 1] = id end
          local tenant = tenant_of(v)
          index[tenant] = index[tenant] or {}
          table.insert(index[tenant], id)
          if keyed(v) and created + KEYED > now then
            short[#short + 1] = id
            short[#short + 1] = sub(v, 1, #v - #history_of(v))
            later[#later + 1] = created + KEYED
            later[#later + 1] = id
          else
            records[#records + 1] = id
          end
        end
      end
    end
    many('HDEL', P .. 'm', bodies)
    many('HDEL', P .. 's', records)
    many('HDEL', P .. 'ch', named)
    many('HSET', P .. 's', short)
    many('ZADD', P .. 'tx', later)
    many('ZREM', P .. 'whdead', notices)
    many('HDEL', P .. 'whn', notices)
    for tenant, some in pairs(index) do many('ZREM', P .. 'ix:' .. tenant, some) end
    handled = handled + #ids
  end
end
return handled
