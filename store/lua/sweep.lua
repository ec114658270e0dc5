-- Finds jobs whose entry is lost (its maker died between the two writes, or Redis lost its last second) and wakes them again.
-- KEYS[1]  prefix
-- ARGV[2..] prefix of BullMQ's keys, age in ms after which an entry must exist, how many to look at
-- Returns  wakes of which the entry is missing
local now, out = now_ms(), {}
local found = redis.call('ZRANGE', P .. 'ready', '-inf', num(now - tonumber(ARGV[3])), 'BYSCORE', 'LIMIT', 0, ARGV[4])
for _, id in ipairs(found) do
  local job = redis.call('HMGET', job_key(id), 'lane', 'wake', 'state')
  if job[3] ~= 'waiting' and job[3] ~= 'running' then
    redis.call('ZREM', P .. 'ready', id)
  elseif redis.call('EXISTS', ARGV[2] .. ':' .. job[1] .. ':' .. id .. '.' .. (job[2] or '0')) == 1 then
    redis.call('ZADD', P .. 'ready', num(now), id)
  else
    wake(id, now, 0, out)
  end
end
return out
