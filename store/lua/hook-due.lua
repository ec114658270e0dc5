-- What is due at endpoints that are enabled and not paused.
-- KEYS[1]  prefix
-- ARGV[2..] now, how many of each at most
-- Returns  for each such endpoint: its id, how many, their ids
local now, found = tonumber(ARGV[2]), {}
for _, id in ipairs(redis.call('SMEMBERS', P .. 'hooks')) do
  local hook = redis.call('HMGET', P .. 'hook:' .. id, 'state', 'pause')
  if hook[1] == 'enabled' and tonumber(hook[2] or '0') <= now then
    local due = redis.call('ZRANGE', P .. 'hook-due:' .. id, '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[3])
    if #due > 0 then
      found[#found + 1] = id
      found[#found + 1] = num(#due)
      for _, each in ipairs(due) do found[#found + 1] = each end
    end
  end
end
return found
