-- Forgets the oldest jobs that are over, beyond the number to keep of each outcome. Dead letters stay; so does a job whose idempotency
-- key lives.
-- KEYS[1]  prefix
-- ARGV[2..] how many to keep, how many to forget at most of each outcome, idempotency ms
-- Returns  how many were forgotten
local now, gone = now_ms(), 0

local function forget(id, state)
  local key = job_key(id)
  local job = redis.call('HMGET', key, 'kind', 'idem', 'created')
  if job[2] and tonumber(job[3]) > now - tonumber(ARGV[4]) then return end
  for _, resource in ipairs(resources_of(id)) do redis.call('ZREM', P .. 'jobs:of:' .. resource, id) end
  redis.call('ZREM', P .. 'jobs:state:' .. state, id)
  if job[1] then redis.call('ZREM', P .. 'jobs:kind:' .. job[1], id) end
  redis.call('DEL', key, P .. 'jobs:from:' .. id, P .. 'trail:' .. id)
  gone = gone + 1
end

for _, state in ipairs({'succeeded', 'cancelled', 'failed'}) do
  local index = P .. 'jobs:state:' .. state
  local excess = redis.call('ZCARD', index) - tonumber(ARGV[2])
  if excess > 0 then
    for _, id in ipairs(redis.call('ZRANGE', index, 0, math.min(excess, tonumber(ARGV[3])) - 1)) do forget(id, state) end
  end
end
return gone
