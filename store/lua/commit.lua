-- Writes under a claim: fields of the job, records, events and perhaps the end, all or nothing.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, epoch, commit number within the claim, write (JSON: fields {name: text}, records [{op, resource, key, name, index,
--          rev, body}], events [{type, subject, data}], end {state, attempt (JSON text), result|error (JSON text), delay, counts,
--          event, eventData})
-- Returns  {'ok', wakes...} | {'lost'} | {'stale', record key}
-- Events   those of the write; job.succeeded | job.dead | job.cancelled | job.retrying at an end
local id, epoch, number = ARGV[2], ARGV[3], ARGV[4]
local key, out = job_key(id), {}
local write = cjson.decode(ARGV[5])
local stamp = epoch .. '.' .. number
local job = redis.call('HMGET', key, 'epoch', 'commit', 'error', unpack(FINISH_FIELDS))
local state = job[4]
if job[2] == stamp then
  wake_heads(cjson.decode(job[5]), now_ms(), out)
  return {'ok', unpack(out)}
end
if job[1] ~= epoch or state ~= 'running' then return {'lost'} end

local records = write.records or {}
for _, change in ipairs(records) do
  if redis.call('GET', P .. 'claim:' .. change.resource) ~= epoch .. ' ' .. id then return {'lost'} end
end
local old = stale(records)
if old then return {'stale', old} end
write_records(records)
for _, event in ipairs(write.events or {}) do emit(event.type, event.subject, event.data) end

local fields = {'commit', stamp}
local function also(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
for name, text in pairs(write.fields or {}) do also(name, text) end
local last = write['end']
if not last then
  redis.call('HSET', key, unpack(fields))
  return {'ok'}
end

local now = now_ms()
also('a:' .. last.number, last.attempt)
if last.result then also('result', last.result) end
if last.error then also('error', last.error) elseif job[3] then redis.call('HDEL', key, 'error') end
emit(last.event, 'job:' .. id, last.eventData)
if last.state ~= 'waiting' then
  finish(id, {unpack(job, 4)}, last.state, now, fields, out)
  return {'ok', unpack(out)}
end
also('state', 'waiting')
also('retryAt', num(now + last.delay))
redis.call('HSET', key, unpack(fields))
if last.counts then redis.call('HINCRBY', key, 'failures', 1) end
index_state(id, 'running', 'waiting')
for _, resource in ipairs(cjson.decode(job[5])) do redis.call('DEL', P .. 'claim:' .. resource) end
redis.call('ZADD', P .. 'ready', num(now + last.delay), id)
return {'ok'}
