-- Writes under a claim: fields of the job, records, events and perhaps the end, all or nothing.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, epoch, commit number within the claim, write (JSON: fields {name: text}, records [{op, resource, key, name, index,
--          rev, body}], events [{type, subject, data}], end {state, attempt (JSON text), result|error (JSON text), delay, counts,
--          children (JSON text), event, eventData})
-- Returns  {'ok', wakes...} | {'lost'} | {'stale', record key}
-- Events   those of the write; job.succeeded | job.dead | job.cancelled | job.retrying | job.awaiting at an end
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
local function pause(until_ms)
  also('state', 'waiting')
  redis.call('HSET', key, unpack(fields))
  index_state(id, 'running', 'waiting')
  for _, resource in ipairs(cjson.decode(job[5])) do redis.call('DEL', P .. 'claim:' .. resource) end
  if until_ms then redis.call('ZADD', P .. 'ready', num(until_ms), id) else redis.call('ZREM', P .. 'ready', id) end
end
if last.state == 'awaiting' then
  local open, all, seen = 0, cjson.decode(redis.call('HGET', key, 'children') or '[]'), {}
  for _, child in ipairs(all) do seen[child] = true end
  for _, child in ipairs(cjson.decode(last.children)) do
    if not seen[child] then all[#all + 1] = child end
    local state = redis.call('HGET', job_key(child), 'state')
    if state == 'waiting' or state == 'running' then
      open = open + 1
      redis.call('SADD', P .. 'awaiting:' .. child, id)
    end
  end
  also('children', cjson.encode(all))
  -- One that was cancelled in this very moment has nothing to wait for: its worker may not have heard of it.
  local waits = open > 0 and redis.call('HEXISTS', key, 'cancelBy') == 0
  if waits then also('awaits', open) end
  pause(nil)
  if not waits then wake(id, now, 0, out) end
  return {'ok', unpack(out)}
end
if last.state ~= 'waiting' then
  finish(id, {unpack(job, 4)}, last.state, now, fields, out)
  return {'ok', unpack(out)}
end
also('retryAt', num(now + last.delay))
pause(now + last.delay)
if last.counts then redis.call('HINCRBY', key, 'failures', 1) end
return {'ok'}
