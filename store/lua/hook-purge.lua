-- Deletes some of what removed endpoints left.
-- KEYS[1]  prefix
-- ARGV[2]  how many deliveries at most
-- Returns  how many endpoints still have some
local left = tonumber(ARGV[2])
for _, hook in ipairs(redis.call('SMEMBERS', P .. 'hooks-gone')) do
  local ids = redis.call('ZRANGE', P .. 'hook-log:' .. hook, 0, left - 1)
  for _, id in ipairs(ids) do
    redis.call('DEL', P .. 'hook-line:' .. hook .. ':' .. (redis.call('HGET', delivery_key(id), 'subject') or ''))
    forget_delivery(id, hook)
  end
  left = left - #ids
  if left <= 0 then break end
  redis.call('SREM', P .. 'hooks-gone', hook)
end
return num(redis.call('SCARD', P .. 'hooks-gone'))
