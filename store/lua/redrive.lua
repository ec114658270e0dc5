-- Puts a dead letter at the end of its lines, with a fresh set of attempts, or gives it up for good.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, actor, 'redrive' | 'discard', reason or ''
-- Returns  {'missing'} | {'not-dead'} | {'done', wakes...}
-- Events   job.redriven | job.discarded
local id, actor = ARGV[2], ARGV[3]
local key, now, out = job_key(id), now_ms(), {}
local state = redis.call('HGET', key, 'state')
if not state then return {'missing'} end
if state ~= 'dead' then return {'not-dead'} end
redis.call('ZREM', P .. 'dead', id)
if ARGV[4] == 'discard' then
  redis.call('HSET', key, 'discardReason', ARGV[5], 'discardBy', actor, 'state', 'failed')
  index_state(id, 'dead', 'failed')
  emit('job.discarded', 'job:' .. id, cjson.encode({by = actor, reason = ARGV[5]}))
  return {'done'}
end
local resources = resources_of(id)
-- It begins from the first step, as a new job would: every step bears that its effect is there.
for _, name in ipairs(cjson.decode(redis.call('HGET', key, 'stepNames'))) do redis.call('HDEL', key, 's:' .. name) end
redis.call('HDEL', key, 'finished', 'started', 'failures', 'losses', 'error', 'cancelBy', 'notes', 'failing', 'result', 'children', 'awaits')
redis.call('HINCRBY', key, 'redrives', 1)
redis.call('HSET', key, 'state', 'waiting')
index_state(id, 'dead', 'waiting')
local natural = redis.call('HGET', key, 'natural')
if natural then redis.call('SET', P .. 'nat:' .. natural, id, 'NX') end
join_lines(id, resources, false)
emit('job.redriven', 'job:' .. id, cjson.encode({by = actor}))
if not behind(id, resources) then wake(id, now, 0, out) end
return {'done', unpack(out)}
