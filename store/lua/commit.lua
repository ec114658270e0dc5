-- Writes under a claim: fields of the job, records, events and perhaps the end, all or nothing.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, epoch, commit number within the claim, write or '' (JSON: records as in records.lua, events [{type, subject, data}]),
--          end or '' (succeeded | dead | cancelled | waiting | awaiting), its event's data, how or '' (JSON; waiting: delay in ms, counts:
--          whether a failure is; awaiting: children; dead: its death, as in dead.lua), then the job's fields: name, value...
-- Returns  {'ok'} | {'lost'} | {'stale', record key}
-- Events   those of the write; job.succeeded | job.dead | job.cancelled | job.retrying | job.awaiting at an end
local id, epoch, last = ARGV[2], ARGV[3], ARGV[6]
local key = job_key(id)
local stamp = epoch .. '.' .. ARGV[4]
local job = redis.call('HMGET', key, 'epoch', 'commit', 'error', unpack(FINISH_FIELDS))
local state = job[4]
-- The same call sent twice (its answer was lost).
if job[2] == stamp then return {'ok'} end
if job[1] ~= epoch or state ~= 'running' then return {'lost'} end

if ARGV[5] ~= '' then
  local write = cjson.decode(ARGV[5])
  for _, change in ipairs(write.records) do
    if redis.call('GET', P .. 'claim:' .. change.resource) ~= epoch .. ' ' .. id then return {'lost'} end
  end
  local old = stale(write.records)
  if old then return {'stale', old} end
  write_records(write.records)
  for _, event in ipairs(write.events) do emit(event.type, event.subject, event.data) end
end

local fields = {'commit', stamp, unpack(ARGV, 9)}
if last == '' then
  redis.call('HSET', key, unpack(fields))
  return {'ok'}
end

local now = now_ms()
local function also(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if job[3] and (last == 'succeeded' or last == 'awaiting') then redis.call('HDEL', key, 'error') end
emit(last == 'waiting' and 'job.retrying' or 'job.' .. last, 'job:' .. id, ARGV[7])
if last ~= 'waiting' and last ~= 'awaiting' then
  finish(id, {unpack(job, 4)}, last, now, fields, last == 'dead' and cjson.decode(ARGV[8]))
  return {'ok'}
end

local how = cjson.decode(ARGV[8])
local function pause(until_ms)
  also('state', 'waiting')
  redis.call('HSET', key, unpack(fields))
  index_state(id, 'running', 'waiting')
  for _, resource in ipairs(decode_list(job[5])) do redis.call('DEL', P .. 'claim:' .. resource) end
  if until_ms then redis.call('ZADD', P .. 'ready', num(until_ms), id) else redis.call('ZREM', P .. 'ready', id) end
end
if last == 'awaiting' then
  local open, all, seen = 0, decode_list(redis.call('HGET', key, 'children')), {}
  for _, child in ipairs(all) do seen[child] = true end
  for _, child in ipairs(how.children) do
    if not seen[child] then all[#all + 1] = child end
    local state = redis.call('HGET', job_key(child), 'state')
    if state == 'waiting' or state == 'running' then
      open = open + 1
      redis.call('SADD', P .. 'awaiting:' .. child, id)
      redis.call('HSET', job_key(child), 'awaited', '1')
    end
  end
  also('children', cjson.encode(all))
  -- One that was cancelled in this very moment has nothing to wait for: its worker may not have heard of it.
  local waits = open > 0 and redis.call('HEXISTS', key, 'cancelBy') == 0
  if waits then also('awaits', open) end
  pause(nil)
  if not waits then wake(id, now) end
  return {'ok'}
end
local retry_at = now + how.delay
also('retryAt', num(retry_at))
pause(retry_at)
if how.counts then redis.call('HINCRBY', key, 'failures', 1) end
return {'ok'}
