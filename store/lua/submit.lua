-- Accepts a job: its record, its place in the line of every resource, its keys and its event, at once.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, kind, lane, payload, resources (JSON), step names (JSON), natural key or '', idempotency key or '', fingerprint,
--          idempotency ms, actor, traceparent or '', max attempts, deadline ms, '1' for the front or '', event data (JSON),
--          parent or '', epoch of the parent's claim or ''
-- Returns  {outcome, id, wakes...}: outcome is accepted | joined | repeated | key-reused; a wake is id, lane, count, delay;
--          {'lost'} when the parent's claim is another's now: its old worker must not begin anything
-- Events   job.submitted; job.displaced for a running job that the front has pushed back
local id, kind, lane, payload = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local resources_json, steps, natural, idem, fingerprint = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local front = ARGV[16] == '1'
local key, now = job_key(id), now_ms()

if ARGV[19] ~= '' then
  local parent = redis.call('HMGET', job_key(ARGV[18]), 'epoch', 'state')
  if parent[1] ~= ARGV[19] or parent[2] ~= 'running' then return {'lost'} end
end

-- The same call sent twice (its answer was lost).
if redis.call('EXISTS', key) == 1 then return {'accepted', id} end

local function remember(job)
  if idem ~= '' then redis.call('SET', P .. 'idem:' .. idem, job .. ' ' .. fingerprint, 'PX', ARGV[11]) end
end

if idem ~= '' then
  local known = redis.call('GET', P .. 'idem:' .. idem)
  if known then
    local job, print = string.match(known, '^(%S+) (%S+)$')
    return {print == fingerprint and 'repeated' or 'key-reused', job}
  end
end
if natural ~= '' then
  local open = redis.call('GET', P .. 'nat:' .. natural)
  if open then
    remember(open)
    return {'joined', open}
  end
  redis.call('SET', P .. 'nat:' .. natural, id)
end
remember(id)

local resources = cjson.decode(resources_json)
local fields = {'kind', kind, 'lane', lane, 'payload', payload, 'resources', resources_json, 'stepNames', steps, 'actor', ARGV[12],
  'max', ARGV[14], 'deadlineMs', ARGV[15], 'created', num(now), 'epoch', 0, 'state', 'waiting', 'wake', 1}
local function also(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if natural ~= '' then also('natural', natural) end
if idem ~= '' then also('idem', '1') end
if ARGV[13] ~= '' then also('traceparent', ARGV[13]) end
if ARGV[18] ~= '' then also('parent', ARGV[18]) end
redis.call('HSET', key, unpack(fields))
redis.call('ZADD', P .. 'jobs', 0, id)
redis.call('ZADD', P .. 'jobs:kind:' .. kind, 0, id)
for _, resource in ipairs(resources) do redis.call('ZADD', P .. 'jobs:of:' .. resource, 0, id) end
index_state(id, nil, 'waiting')

-- The one whose claim is broken waits behind, and is woken when the line moves.
local function displace(resource)
  local head = redis.call('ZRANGE', P .. 'line:' .. resource, 0, 0, 'WITHSCORES')
  if not head[1] or tonumber(head[2]) < 0 then return end
  local other = job_key(head[1])
  redis.call('ZREM', P .. 'ready', head[1])
  local held = redis.call('HMGET', other, 'state', 'epoch')
  if held[1] ~= 'running' then return end
  redis.call('HSET', other, 'epoch', next_epoch(now_us(), held[2]), 'displaced', '1', 'state', 'waiting')
  index_state(head[1], 'running', 'waiting')
  for _, held in ipairs(resources_of(head[1])) do redis.call('DEL', P .. 'claim:' .. held) end
  emit('job.displaced', 'job:' .. head[1], cjson.encode({by = id}))
  redis.call('PUBLISH', P .. 'signal', 'lost ' .. head[1])
end
if front then
  for _, resource in ipairs(resources) do displace(resource) end
end
join_lines(id, resources, front)
emit('job.submitted', 'job:' .. id, ARGV[17])
if behind(id, resources) then return {'accepted', id} end
redis.call('ZADD', P .. 'ready', num(now), id)
return {'accepted', id, id, lane, '1', '0'}
