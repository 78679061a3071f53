-- A clock that went ahead and came back: what was timed meanwhile would come as much too late as it had gone ahead.
local CLOCK_MS = 2000 -- less is no step; so often is noted what the clock says

-- How many ms the clock has gone back since the ZSET of times of this name was looked at last.
local function gone_back(P, name, now)
  local at = P .. 'at:' .. name
  local seen = tonumber(call('GET', at) or 0)
  if math.abs(now - seen) < CLOCK_MS then return 0 end
  call('SET', at, now, 'PX', 60000)
  return math.max(0, seen - now)
end

-- Have everything under this key that is to come come as much sooner, but for members of which the function `stays` says so.
local function bring_forward(key, now, early, stays)
  local found, times = call('ZRANGEBYSCORE', key, now, '+inf', 'WITHSCORES'), {}
  for i = 1, #found, 2 do
    if not (stays and stays(found[i])) then
      times[#times + 1] = math.max(now, tonumber(found[i + 1]) - early)
      times[#times + 1] = found[i]
    end
  end
  many('ZADD', key, times)
end
