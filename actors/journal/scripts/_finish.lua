-- The end of messages of one partition: gathered here, written by `flush`.
local function gather() return {heads = {}, ended = {}, kept = {}, notices = {}, receipts = {}, count = 0} end

local function keep(g, id, v)
  local heads = g.heads
  heads[#heads + 1] = id
  heads[#heads + 1] = v
end

-- v: the head and history as they stood, the last event included.
local function finish(g, now, id, v, state)
  keep(g, id, with_state(v, state))
  g.count = g.count + 1
  local a, b, c, d = byte(v, 12, 15)
  local own = ((a * 256 + b) * 256 + c) * 256 + d
  if own == 0 then
    g.stamp = g.stamp or struct.pack('>I6', now)
    g.ended[#g.ended + 1] = id .. g.stamp
  else
    g.kept[#g.kept + 1] = now + own * 1000
    g.kept[#g.kept + 1] = id
  end
  if wants_events(v) then
    g.notices[#g.notices + 1] = now
    g.notices[#g.notices + 1] = id .. char(state)
  end
  if has_channel(v) then
    g.now = now
    g.receipts[#g.receipts + 1] = id
    g.receipts[#g.receipts + 1] = id .. char(state)
  end
end

-- P.."rx:<account>" ZSET event -> when it may be handed out (again), as P.."wh" is for webhooks; P.."rxn:<account>" HASH event -> tries.
local function tell_accounts(P, g)
  local ids, lines = {}, {}
  for i = 1, #g.receipts, 2 do ids[#ids + 1] = g.receipts[i] end
  local accounts = many_read('HMGET', P .. 'ch', ids)
  for i = 1, #ids do
    local account = accounts[i]
    if account then
      add_to(lines, account, g.now)
      add_to(lines, account, g.receipts[i * 2])
    end
  end
  for _, account in ipairs(lines) do
    many('ZADD', P .. 'rx:' .. account, lines[account])
    call('PUBLISH', 'trunkline:channel', tonumber(sub(P, 3, 4)) .. ':' .. account)
  end
end

local function flush(P, g)
  many('HSET', P .. 's', g.heads)
  if g.count == 0 then return end
  many('RPUSH', P .. 't', g.ended)
  many('ZADD', P .. 'tx', g.kept)
  call('HINCRBY', P .. 'ctr', 'finished', g.count)
  if #g.notices > 0 then
    many('ZADD', P .. 'wh', g.notices)
    wake('trunkline:notice', P)
  end
  if #g.receipts > 0 then tell_accounts(P, g) end
end
