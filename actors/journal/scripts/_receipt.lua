-- What receipts do to the messages of one partition.

-- The head with one more segment marked as delivered, and how many are.
local function mark(v, segment)
  local length, tenant, owner = byte(v, 7, 9)
  local start = FIXED + tenant + owner
  local octet = math.floor(segment / 8) + 1
  local mask = sub(v, start + 1, start + length)
  mask = mask .. string.rep('\0', octet - #mask)
  local bits = bit.bor(byte(mask, octet), bit.lshift(1, segment % 8))
  mask = sub(mask, 1, octet - 1) .. char(bits) .. sub(mask, octet + 1)
  local count = 0
  for i = 1, #mask do
    local rest = byte(mask, i)
    while rest > 0 do
      count = count + rest % 2
      rest = math.floor(rest / 2)
    end
  end
  return sub(v, 1, 6) .. char(#mask) .. sub(v, 8, start) .. mask .. sub(v, start + length + 1), count
end

-- items: {id, segment, tag, state, event, final event}; calls report(i, state or false, changed, attempts) for each.
local function apply(P, now, items, report)
  local ids, heads = {}, {}
  for i = 1, #items do ids[i] = items[i][1] end
  local read = many_read('HMGET', P .. 's', ids)
  for i = 1, #ids do heads[ids[i]] = read[i] end
  local g, gone, changed = gather(), {}, {}
  local function leave(place, id)
    local some = gone[place]
    if some then some[#some + 1] = id else gone[place] = {id} end
  end
  for i = 1, #items do
    local id, segment, tag, to, event, final_event = unpack(items[i])
    local v = heads[id]
    if not readable(v) then
      report(i, false, 0, 0)
    else
      local _, state, _, tried, _, segments = byte(v, 1, 6)
      local ends = false
      local new = v
      if state < DELIVERED then
        if to == DELIVERED and segments > 1 then
          local count
          new, count = mark(v, segment)
          ends = count >= segments
        elseif to == DELIVERED then
          ends = true
        elseif to > DELIVERED then
          local latest = tag == sub(v, 10, 11)
          if flagged(v, COPIED) then
            new = with_flag(v, latest and FIRST_FAILED or COPY_FAILED)
            ends = both_failed(new) -- while one of the two may still arrive, nothing is lost
          else
            ends = latest -- what became of an earlier copy is no verdict on a later one
          end
        end
        ends = ends and allowed(state, to)
        new = add_event(new, event)
      end
      if ends then
        if state == SENDING then
          leave(P .. 'if:' .. owner_of(v), id)
        elseif state == SENT then
          leave(P .. 'wait', id)
        else
          leave(P .. 'due', id)
          leave(P .. 'claimed', id)
          leave(P .. 'dead', id)
        end
        new = new .. final_event
        finish(g, now, id, new, to)
        heads[id] = with_state(new, to)
        report(i, to, 1, tried)
      else
        if new ~= v then
          heads[id] = new
          changed[id] = true
        end
        report(i, state, 0, tried)
      end
    end
  end
  for id in pairs(changed) do keep(g, id, heads[id]) end
  for place, some in pairs(gone) do many('ZREM', place, some) end
  flush(P, g)
end
