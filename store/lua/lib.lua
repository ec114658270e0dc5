-- Put before every script. All keys share one hash tag (the prefix), so that a cluster keeps them in one slot; scripts therefore
-- derive keys from the prefix, and KEYS[1] only routes the call.
--   job:<id>           hash: the job (see job-codec.ts)          line:<resource>   zset: ids by place, head first
--   claim:<resource>   "<epoch> <id>" of who may write it        rec:<type>:<name> hash: rev, body
--   recs:<type>        zset: names, all at score 0               events            stream
--   jobs, jobs:state:<s>, jobs:kind:<k>, jobs:of:<resource>      zsets: ids at score 0 (ids sort by time)
--   ready              zset: ids that should have an entry, by the time when they were last given one
--   dead               zset: dead letters, by the time when they died
--   awaiting:<id>      set: ids of the jobs that wait until this one is over; each counts in its `awaits` how many are still open
--   progress:<id>      what a job under way last told of itself (JSON), for a minute
--   nat:<key>, idem:<scope>:<key>, seq, stats
local P = ARGV[1]
local EVENTS_MAX = 200000
local BUCKETS = {10, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000}

local function num(n) return string.format('%.0f', n) end

local function now_us()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local function now_ms() return math.floor(now_us() / 1000) end

-- A fencing token: later ones of a job are greater, even after Redis came back without its last second or was emptied (it counts
-- microseconds). Two jobs may have the same: a claim names its job beside the token.
local function next_epoch(us, before) return num(math.max(us, tonumber(before or '0') + 1)) end

local function job_key(id) return P .. 'job:' .. id end

local function emit(kind, subject, data)
  redis.call('XADD', P .. 'events', 'MAXLEN', '~', EVENTS_MAX, '*', 'type', kind, 'subject', subject, 'data', data)
end

local function resources_of(id)
  local json = redis.call('HGET', job_key(id), 'resources')
  return json and cjson.decode(json) or {}
end

-- Is the job at the head of every line it stands in? Otherwise the first resource at which it is not.
local function behind(id, resources)
  for _, resource in ipairs(resources) do
    local head = redis.call('ZRANGE', P .. 'line:' .. resource, 0, 0)[1]
    if head ~= id then return resource end
  end
  return nil
end

-- The job should have an entry now; appends {id, lane, wake, delay} for the caller to add to its queue.
local function wake(id, now, delay, out)
  local key = job_key(id)
  local count = redis.call('HINCRBY', key, 'wake', 1)
  redis.call('ZADD', P .. 'ready', num(now + delay), id)
  out[#out + 1] = id
  out[#out + 1] = redis.call('HGET', key, 'lane')
  out[#out + 1] = num(count)
  out[#out + 1] = num(delay)
end

-- After lines have moved: wakes the jobs that are now first everywhere.
local function wake_heads(resources, now, out)
  for _, resource in ipairs(resources) do
    local head = redis.call('ZRANGE', P .. 'line:' .. resource, 0, 0)[1]
    local job = head and redis.call('HMGET', job_key(head), 'state', 'awaits')
    if job and job[1] == 'waiting' and not job[2]
      and not redis.call('ZSCORE', P .. 'ready', head)
      and not behind(head, resources_of(head)) then
      wake(head, now, 0, out)
    end
  end
end

-- A job is over: those that waited for it go on, when it was the last one, or when it failed.
local function wake_awaiting(id, end_state, now, out)
  local key = P .. 'awaiting:' .. id
  for _, parent in ipairs(redis.call('SMEMBERS', key)) do
    local job = redis.call('HMGET', job_key(parent), 'state', 'awaits')
    local left = job[2] and redis.call('HINCRBY', job_key(parent), 'awaits', -1)
    if left and (left <= 0 or end_state ~= 'succeeded') then
      redis.call('HDEL', job_key(parent), 'awaits')
      if job[1] == 'waiting' and not behind(parent, resources_of(parent)) then wake(parent, now, 0, out) end
    end
  end
  redis.call('DEL', key)
end

-- Where the listings look; the job's own field `state` is written by the caller, together with others.
local function index_state(id, from, to)
  if from then redis.call('ZREM', P .. 'jobs:state:' .. from, id) end
  redis.call('ZADD', P .. 'jobs:state:' .. to, 0, id)
end

local function leave_lines(id, resources)
  for _, resource in ipairs(resources) do
    redis.call('ZREM', P .. 'line:' .. resource, id)
    local claim = redis.call('GET', P .. 'claim:' .. resource)
    if claim and string.sub(claim, -#id) == id then redis.call('DEL', P .. 'claim:' .. resource) end
  end
  redis.call('ZREM', P .. 'ready', id)
end

local function join_lines(id, resources, front)
  for _, resource in ipairs(resources) do
    local place = redis.call('INCR', P .. 'seq')
    if front then place = place - 1e15 end
    redis.call('ZADD', P .. 'line:' .. resource, num(place), id)
  end
end

-- The key of the first record whose revision is not the expected one; a record that is not there has revision 0.
local function stale(changes)
  for _, change in ipairs(changes) do
    if tonumber(redis.call('HGET', P .. change.key, 'rev') or '0') ~= change.rev then return change.key end
  end
  return nil
end

-- changes: [{op, key, index, name, rev, body}]
local function write_records(changes)
  for _, change in ipairs(changes) do
    if change.op == 'put' then
      redis.call('HSET', P .. change.key, 'rev', num(change.rev + 1), 'body', change.body)
      redis.call('ZADD', P .. change.index, 0, change.name)
    else
      redis.call('DEL', P .. change.key)
      redis.call('ZREM', P .. change.index, change.name)
    end
  end
end

local function count(kind, state, took)
  local stats, slot, bound = P .. 'stats', kind .. '|' .. state, 'inf'
  for _, each in ipairs(BUCKETS) do
    if took <= each then bound = each break end
  end
  redis.call('HINCRBY', stats, slot .. '|le' .. bound, 1)
  redis.call('HINCRBY', stats, slot .. '|sum', num(took))
end

local FINISH_FIELDS = {'state', 'resources', 'natural', 'kind', 'started'}

-- Everything that follows from a job's being over: it leaves its lines, others are woken, it is counted.
-- job: the values of FINISH_FIELDS; fields: what else to write to the job, as a flat list
local function finish(id, job, state, now, fields, out)
  local key, resources, natural = job_key(id), cjson.decode(job[2]), job[3]
  redis.call('HSET', key, 'state', state, 'finished', num(now), unpack(fields))
  index_state(id, job[1], state)
  leave_lines(id, resources)
  if natural and redis.call('GET', P .. 'nat:' .. natural) == id then redis.call('DEL', P .. 'nat:' .. natural) end
  if state == 'dead' then redis.call('ZADD', P .. 'dead', num(now), id) end
  count(job[4], state, job[5] and now - tonumber(job[5]) or 0)
  redis.call('PUBLISH', P .. 'over', id)
  wake_heads(resources, now, out)
  wake_awaiting(id, state, now, out)
end
