-- For scripts that end jobs; after lines.lua and dead.lua.
local BUCKETS = {10, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000}

local function leave_lines(id, resources)
  for _, resource in ipairs(resources) do
    redis.call('ZREM', P .. 'line:' .. resource, id)
    local claim = redis.call('GET', P .. 'claim:' .. resource)
    if claim and string.sub(claim, -#id) == id then redis.call('DEL', P .. 'claim:' .. resource) end
  end
  hold('ZREM', 'ready', id)
end

-- A job is over: those that waited for it go on, when it was the last one, or when it failed.
local function wake_awaiting(id, end_state, now)
  local key = P .. 'awaiting:' .. id
  for _, parent in ipairs(redis.call('SMEMBERS', key)) do
    local job = redis.call('HMGET', job_key(parent), 'state', 'awaits')
    local left = job[2] and redis.call('HINCRBY', job_key(parent), 'awaits', -1)
    if left and (left <= 0 or end_state ~= 'succeeded') then
      redis.call('HDEL', job_key(parent), 'awaits')
      if job[1] == 'waiting' and not behind(parent, resources_of(parent)) then wake(parent, now) end
    end
  end
  redis.call('DEL', key)
end

local function add(field, n)
  local write = held[field] or held_write(field, {'HINCRBY', P .. 'stats', field, 0})
  write[4] = write[4] + n
end

local function count(kind, state, took)
  local slot, bound = kind .. '|' .. state, 'inf'
  for _, each in ipairs(BUCKETS) do
    if took <= each then bound = each break end
  end
  add(slot .. '|le' .. bound, 1)
  add(slot .. '|sum', took)
end

local FINISH_FIELDS = {'state', 'resources', 'natural', 'kind', 'started', 'awaited', 'redriveRun'}

-- Everything that follows from a job's being over: it leaves its lines, others are woken, it is counted.
-- job: the values of FINISH_FIELDS; fields: what else to write to the job, as a flat list; death: of a dead letter, as in dead.lua
local function finish(id, job, state, now, fields, death)
  local key, resources, natural, at = job_key(id), decode_list(job[2]), job[3], num(now)
  redis.call('HSET', key, 'state', state, 'finished', at, unpack(fields))
  index_state(id, job[1], state)
  leave_lines(id, resources)
  if natural and redis.call('GET', P .. 'nat:' .. natural) == id then redis.call('DEL', P .. 'nat:' .. natural) end
  if state == 'dead' then
    redis.call('ZADD', P .. 'dead', at, id)
    join_group(id, at, death)
  end
  if job[7] then tell_run(job[7], state) end
  count(job[4], state, job[5] and now - tonumber(job[5]) or 0)
  local said = held_write('over', {'PUBLISH', P .. 'over'})
  said[3] = said[3] and said[3] .. ' ' .. id or id
  wake_heads(resources, now)
  if job[6] then wake_awaiting(id, state, now) end
end
