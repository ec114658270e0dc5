-- Finds jobs whose entry is lost (a worker gave it up, or somebody emptied the queue) and gives them another; forgets old events, and jobs
-- of a format that is not read any more, which would hold their lines for ever.
-- KEYS[1]  prefix
-- ARGV[2..] age in ms after which an entry must exist, how many to look at
-- Returns  how many were missing
local EVENTS_MAX = '200000'
local now, lost = now_ms(), 0
local found = redis.call('ZRANGE', P .. 'ready', '-inf', num(now - tonumber(ARGV[2])), 'BYSCORE', 'LIMIT', 0, ARGV[3])

local function forget(id, state)
  local resources, job = resources_of(id), redis.call('HMGET', job_key(id), 'kind', 'natural')
  for _, resource in ipairs(resources) do
    redis.call('ZREM', P .. 'line:' .. resource, id)
    redis.call('DEL', P .. 'claim:' .. resource)
    redis.call('ZREM', P .. 'jobs:of:' .. resource, id)
  end
  if job[2] and redis.call('GET', P .. 'nat:' .. job[2]) == id then redis.call('DEL', P .. 'nat:' .. job[2]) end
  redis.call('ZREM', P .. 'jobs:state:' .. state, id)
  if job[1] then redis.call('ZREM', P .. 'jobs:kind:' .. job[1], id) end
  redis.call('ZREM', P .. 'ready', id)
  redis.call('DEL', job_key(id), P .. 'jobs:from:' .. id, P .. 'trail:' .. id)
  wake_heads(resources, now)
end

for _, id in ipairs(found) do
  local job = redis.call('HMGET', job_key(id), 'lane', 'wake', 'state')
  if job[3] ~= 'waiting' and job[3] ~= 'running' then
    redis.call('ZREM', P .. 'ready', id)
  elseif redis.call('HEXISTS', job_key(id), 'spec') == 0 then
    forget(id, job[3])
  elseif redis.call('EXISTS', P .. 'bull:' .. job[1] .. ':' .. id .. '.' .. (job[2] or '0')) == 1 then
    redis.call('ZADD', P .. 'ready', num(now), id)
  else
    wake(id, now)
    lost = lost + 1
  end
end
-- Minutes that nobody asks for any more (finish.lua counts them).
local old = math.floor(now / 60000) - 120
for _, slot in ipairs(redis.call('HKEYS', P .. 'ends')) do
  if tonumber(string.match(slot, '^%d+')) < old then redis.call('HDEL', P .. 'ends', slot) end
end
-- What webhooks have not been given yet is kept, however much it is (hooks.lua).
local function is_relay_behind()
  if redis.call('EXISTS', P .. 'hooks', P .. 'events') < 2 then return false end
  local info = redis.call('XINFO', 'STREAM', P .. 'events')
  local seen = redis.call('HMGET', P .. 'hooks-cursor', 'at', 'count')
  for at = 1, #info, 2 do
    if info[at] == 'entries-added' and info[at + 1] - tonumber(seen[2] or '0') > tonumber(EVENTS_MAX) then return seen[1] end
  end
  return false
end
local behind_at = is_relay_behind()
if behind_at then redis.call('XTRIM', P .. 'events', 'MINID', '~', behind_at)
else redis.call('XTRIM', P .. 'events', 'MAXLEN', '~', EVENTS_MAX) end
return lost
