-- All that is claimed in a partition back to the front of its lines, oldest message first; what cannot be read is set aside.
local function give_back(P)
  local ids = call('ZRANGE', P .. 'claimed', 0, -1)
  if #ids == 0 then return end
  local heads = many_read('HMGET', P .. 's', ids)
  local lanes, dead = {}, {}
  for i = 1, #ids do
    local v = heads[i]
    if readable(v) then
      add_to_lane(lanes, v, ids[i])
    elseif v then
      dead[#dead + 1] = now_ms()
      dead[#dead + 1] = ids[i]
    end
  end
  call('DEL', P .. 'claimed')
  many('ZADD', P .. 'dead', dead)
  enqueue(P, lanes, 'LPUSH')
  wake('trunkline:queue', P)
end
