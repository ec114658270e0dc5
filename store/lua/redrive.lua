-- Puts a dead letter at the end of its lines, with a fresh set of attempts, or gives it up for good.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, actor, 'redrive' | 'discard', reason or ''
-- Returns  'missing' | 'not-dead' | 'done'
-- Events   job.redriven | job.discarded
local id, actor = ARGV[2], ARGV[3]
local key = job_key(id)
local job = redis.call('HMGET', key, 'state', 'resources', 'spec', 'natural')
if not job[1] then return 'missing' end
if job[1] ~= 'dead' then return 'not-dead' end
if ARGV[4] == 'discard' then
  discard(id, actor, ARGV[5], {})
  return 'done'
end
leave_dead(id)
local resources = decode_list(job[2])
-- It begins from the first step, as a new job would: every step bears that its effect is there.
for _, name in ipairs(cjson.decode(job[3]).stepNames) do redis.call('HDEL', key, 's:' .. name) end
redis.call('HDEL', key, 'finished', 'started', 'failures', 'losses', 'error', 'cancelBy', 'notes', 'failing', 'result', 'children',
  'awaits', 'awaited', 'redriveRun')
redis.call('HINCRBY', key, 'redrives', 1)
redis.call('HSET', key, 'state', 'waiting')
index_state(id, 'dead', 'waiting')
if job[4] then redis.call('SET', P .. 'nat:' .. job[4], id, 'NX') end
join_lines(id, resources, false)
emit('job.redriven', 'job:' .. id, cjson.encode({by = actor}))
if not behind(id, resources) then wake(id, now_ms()) end
return 'done'
