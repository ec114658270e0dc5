-- Accepts a job: its record, its place in the line of every resource, its keys, its event and, if it is first everywhere, its entry.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, kind, lane, spec (JSON, see job-codec.ts), event data (JSON), resources (JSON) or '', what few jobs have or '' (JSON:
--          natural key, idem {key, fingerprint, ms}, front, parent {id, epoch}: the claim that submits it, redriveOf: the dead letter in
--          whose place it comes, actor: who gives that one up)
-- Returns  {accepted | joined | repeated | key-reused, id}; {'lost'} when the parent's claim is another's now: its old worker must not
--          begin anything; {'missing'} | {'not-dead'} of redriveOf
-- Events   job.submitted; job.displaced for a running job that the front has pushed back; job.discarded of redriveOf
local id, kind, lane, resources_json = ARGV[2], ARGV[3], ARGV[4], ARGV[7]
local more = ARGV[8] ~= '' and cjson.decode(ARGV[8]) or {}
local natural, idem = more.natural, more.idem
local key = job_key(id)

if more.parent then
  local parent = redis.call('HMGET', job_key(more.parent.id), 'epoch', 'state')
  if parent[1] ~= more.parent.epoch or parent[2] ~= 'running' then return {'lost'} end
end

-- The same call sent twice (its answer was lost).
if redis.call('EXISTS', key) == 1 then return {'accepted', id} end

local function remember(job)
  if idem then redis.call('SET', P .. 'idem:' .. idem.key, job .. ' ' .. idem.fingerprint, 'PX', idem.ms) end
end

if idem then
  local known = redis.call('GET', P .. 'idem:' .. idem.key)
  if known then
    local job, print = string.match(known, '^(%S+) (%S+)$')
    return {print == idem.fingerprint and 'repeated' or 'key-reused', job}
  end
end
local old = more.redriveOf
if old then
  local state = redis.call('HGET', job_key(old), 'state')
  if state ~= 'dead' then return {state and 'not-dead' or 'missing'} end
end
local function settle_old(new)
  if old then discard(old, more.actor, 'edited and submitted again as ' .. new, {'replacedBy', new}) end
end

if natural then
  local open = redis.call('GET', P .. 'nat:' .. natural)
  if open then
    remember(open)
    settle_old(open)
    return {'joined', open}
  end
  redis.call('SET', P .. 'nat:' .. natural, id)
end
remember(id)
settle_old(id)

local at = num(now_ms())
local fields = {'kind', kind, 'lane', lane, 'spec', ARGV[5], 'created', at, 'state', 'waiting', 'wake', '1'}
local function also(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if resources_json ~= '' then also('resources', resources_json) end
if natural then also('natural', natural) end
if idem then also('idem', '1') end
redis.call('HSET', key, unpack(fields))
hold('ZADD', 'jobs:kind:' .. kind, '0', id)
if more.parent then redis.call('ZADD', P .. 'jobs:from:' .. more.parent.id, '0', id) end
index_state(id, nil, 'waiting')
emit('job.submitted', 'job:' .. id, ARGV[6])
if resources_json == '' then
  hold('ZADD', 'ready', at, id)
  add_entry(id, lane, '1', at)
  return {'accepted', id}
end
local resources = cjson.decode(resources_json)
for _, resource in ipairs(resources) do redis.call('ZADD', P .. 'jobs:of:' .. resource, '0', id) end

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
if more.front then
  for _, resource in ipairs(resources) do displace(resource) end
end
join_lines(id, resources, more.front)
if not behind(id, resources) then
  redis.call('ZADD', P .. 'ready', at, id)
  add_entry(id, lane, '1', at)
end
return {'accepted', id}
