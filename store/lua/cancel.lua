-- Cancels a job that has begun nothing, or asks the worker that has it (or the next one) to undo and end it.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, actor, error (JSON)
-- Returns  'missing' | 'over' | 'cancelled' | 'requested'
-- Events   job.cancelled when nothing had begun
local id, actor = ARGV[2], ARGV[3]
local key, now = job_key(id), now_ms()
local job = redis.call('HMGET', key, unpack(FINISH_FIELDS))
local state = job[1]
if not state then return 'missing' end
if state ~= 'waiting' and state ~= 'running' then return 'over' end
if state == 'waiting' and not job[5] then
  emit('job.cancelled', 'job:' .. id, cjson.encode({by = actor}))
  finish(id, job, 'cancelled', now, {'cancelBy', actor, 'error', ARGV[4]})
  return 'cancelled'
end
redis.call('HSET', key, 'cancelBy', actor)
if state == 'running' then
  redis.call('PUBLISH', P .. 'signal', 'cancel ' .. id)
elseif not behind(id, decode_list(job[2])) then
  redis.call('HDEL', key, 'retryAt', 'awaits')
  wake(id, now)
end
return 'requested'
