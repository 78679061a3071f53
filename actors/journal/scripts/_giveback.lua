-- All that is claimed in a partition back to the front of its lines, oldest message first.
local function give_back(P)
  local ids = call('ZRANGE', P .. 'claimed', 0, -1)
  if #ids == 0 then return 0 end
  local heads = many_read('HMGET', P .. 's', ids)
  local lanes, count = {}, 0
  for i = 1, #ids do
    local v = heads[i]
    if readable(v) and (byte(v, 2) == QUEUED or byte(v, 2) == UNKNOWN) then
      add_to_lane(lanes, v, ids[i])
      count = count + 1
    end
  end
  call('DEL', P .. 'claimed')
  enqueue(P, lanes, 'LPUSH')
  wake('trunkline:queue', P)
  return count
end
