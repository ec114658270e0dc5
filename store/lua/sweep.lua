-- Finds jobs whose entry is lost (a worker gave it up, or somebody emptied the queue) and gives them another; forgets old events.
-- KEYS[1]  prefix
-- ARGV[2..] age in ms after which an entry must exist, how many to look at
-- Returns  how many were missing
local EVENTS_MAX = '200000'
local now, lost = now_ms(), 0
local found = redis.call('ZRANGE', P .. 'ready', '-inf', num(now - tonumber(ARGV[2])), 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, id in ipairs(found) do
  local job = redis.call('HMGET', job_key(id), 'lane', 'wake', 'state')
  if job[3] ~= 'waiting' and job[3] ~= 'running' then
    redis.call('ZREM', P .. 'ready', id)
  elseif redis.call('EXISTS', P .. 'bull:' .. job[1] .. ':' .. id .. '.' .. (job[2] or '0')) == 1 then
    redis.call('ZADD', P .. 'ready', num(now), id)
  else
    wake(id, now)
    lost = lost + 1
  end
end
redis.call('XTRIM', P .. 'events', 'MAXLEN', '~', EVENTS_MAX)
return lost
