-- Takes the claim on all of a job's resources with a new epoch, and begins an attempt.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, worker (JSON text), wake count of the entry (an entry that was replaced by a newer one does nothing)
-- Returns  {'gone'} | {'over'} | {'behind'} | {'early', ms} | {'acquired', the job's fields before, epoch, number of the attempt, its
--          time, what was written of the attempt before}; fields are names and values by turns
-- Events   job.started
local id, worker = ARGV[2], ARGV[3]
local key, us = job_key(id), now_us()
local now = math.floor(us / 1000)
local all = redis.call('HGETALL', key)
local job = {}
for at = 1, #all, 2 do job[all[at]] = all[at + 1] end
local state = job.state
-- Or of a format that is not read any more (sweep.lua).
if not state or not job.spec then return {'gone'} end
if job.wake ~= ARGV[4] then return {'behind'} end
if state ~= 'waiting' and state ~= 'running' then return {'over'} end
local resources = decode_list(job.resources)
if job.awaits or behind(id, resources) then
  redis.call('ZREM', P .. 'ready', id)
  return {'behind'}
end
if job.retryAt then
  local early = tonumber(job.retryAt) - now
  if early > 5 then return {'early', num(early)} end
  redis.call('HDEL', key, 'retryAt')
end

local last, at = tonumber(job.attempt or '0'), num(now)
local epoch, number = next_epoch(us, job.epoch), num(last + 1)
local fields = {'state', 'running', 'epoch', epoch, 'attempt', number, 'started', job.started or at,
  'a:' .. number, '{"number":' .. number .. ',"worker":' .. worker .. ',"started":' .. at .. ',"outcome":"running"}'}
-- An attempt that never ended: its worker died, or a job at the front took its place.
local lost = {}
if last > 0 then
  local attempt = cjson.decode(job['a:' .. last])
  if attempt.outcome == 'running' then
    attempt.outcome = redis.call('HDEL', key, 'displaced') == 1 and 'displaced' or 'lost'
    attempt.finished = now
    lost = {'a:' .. last, cjson.encode(attempt)}
    if attempt.outcome == 'lost' then lost = {'losses', num(tonumber(job.losses or '0') + 1), unpack(lost)} end
    redis.call('HSET', key, unpack(lost))
  end
end
redis.call('HSET', key, unpack(fields))
if state ~= 'running' then index_state(id, state, 'running') end
for _, resource in ipairs(resources) do redis.call('SET', P .. 'claim:' .. resource, epoch .. ' ' .. id) end
emit('job.started', 'job:' .. id, '{"attempt":' .. number .. ',"worker":' .. worker .. '}')
return {'acquired', all, epoch, number, at, lost}
