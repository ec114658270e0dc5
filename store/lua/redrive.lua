-- Puts a dead letter at the end of its lines, with a fresh set of attempts, or gives it up for good. In a run, which is a job that does so
-- to many, the job remembers the run: whoever repeats the call, also in another worker, is told.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, actor, 'redrive' | 'discard', reason or '', run or '' (JSON: id, epoch of its claim, cutoff: later deaths are not its)
-- Returns  'missing' | 'not-dead' | 'done'; in a run {'done' | 'again' | 'skipped' | 'lost', settled, over, dead}
-- Events   job.redriven | job.discarded
local RUN_MS = '604800000'
local id, actor, verb = ARGV[2], ARGV[3], ARGV[4]
local key = job_key(id)
local run = ARGV[6] ~= '' and cjson.decode(ARGV[6])
local mark = verb == 'discard' and 'discardRun' or 'redriveRun'
local job = redis.call('HMGET', key, 'state', 'resources', 'spec', 'natural', mark)

local function answer(outcome)
  local tally = redis.call('HMGET', P .. 'dead-run:' .. run.id, 'settled', 'over', 'dead')
  return {outcome, tally[1] or '0', tally[2] or '0', tally[3] or '0'}
end

if run then
  local holder = redis.call('HMGET', job_key(run.id), 'epoch', 'state')
  if holder[1] ~= run.epoch or holder[2] ~= 'running' then return answer('lost') end
  if job[5] == run.id then return answer('again') end
  -- One without a spec is of a format that is not read any more.
  local died = job[1] == 'dead' and job[3] and redis.call('ZSCORE', P .. 'dead', id)
  if not died or tonumber(died) > run.cutoff then return answer('skipped') end
else
  if not job[3] then return 'missing' end
  if job[1] ~= 'dead' then return 'not-dead' end
end

local function remember()
  if not run then return 'done' end
  local tally = P .. 'dead-run:' .. run.id
  redis.call('HSET', key, mark, run.id)
  redis.call('HINCRBY', tally, 'settled', 1)
  redis.call('PEXPIRE', tally, RUN_MS)
  return answer('done')
end

local by = cjson.encode({by = actor, run = run and run.id or nil})
if verb == 'discard' then
  discard(id, actor, ARGV[5], {})
  return remember()
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
emit('job.redriven', 'job:' .. id, by)
if not behind(id, resources) then wake(id, now_ms()) end
return remember()
