-- Whether a newer epoch of an owner exists: by the key of its newest epoch, or where that is elsewhere ('') by each partition's own note of it.
-- groups: {P, ...} each.
local function fenced(owner, epoch, epoch_key, groups)
  if epoch_key ~= '' then
    local newest = call('HGET', epoch_key, 'epoch')
    return newest and tonumber(newest) > epoch
  end
  for _, group in ipairs(groups) do
    local newest = call('GET', group[1] .. 'ep:' .. owner)
    if newest and tonumber(newest) > epoch then return true end
  end
  return false
end
