-- Takes the claim on all of a job's resources with a new epoch, and begins an attempt.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, worker, wake count of the entry (an entry that was replaced by a newer one does nothing)
-- Returns  {'gone'} | {'over', wakes...} | {'behind'} | {'early', ms} | {'acquired', epoch, now, field, value...}
-- Events   job.started
local id, worker = ARGV[2], ARGV[3]
local key, us, out = job_key(id), now_us(), {}
local now = math.floor(us / 1000)
local held = redis.call('HMGET', key, 'state', 'wake', 'resources', 'retryAt', 'attempt', 'started', 'epoch', 'awaits')
local state = held[1]
if not state then return {'gone'} end
if held[2] ~= ARGV[4] then return {'behind'} end
local resources = cjson.decode(held[3])
if state ~= 'waiting' and state ~= 'running' then
  -- Its worker died between ending it and adding the entries of those behind it.
  wake_heads(resources, now, out)
  return {'over', unpack(out)}
end
if held[8] or behind(id, resources) then
  redis.call('ZREM', P .. 'ready', id)
  return {'behind'}
end
local retry_at = tonumber(held[4] or '0')
if retry_at > now + 5 then return {'early', num(retry_at - now)} end

-- An attempt that never ended: its worker died, or a job at the front took its place.
local last = tonumber(held[5] or '0')
if last > 0 then
  local attempt = cjson.decode(redis.call('HGET', key, 'a:' .. last))
  if attempt.outcome == 'running' then
    attempt.outcome = redis.call('HDEL', key, 'displaced') == 1 and 'displaced' or 'lost'
    attempt.finished = now
    if attempt.outcome == 'lost' then redis.call('HINCRBY', key, 'losses', 1) end
    redis.call('HSET', key, 'a:' .. last, cjson.encode(attempt))
  end
end
local epoch, number = next_epoch(us, held[7]), last + 1
redis.call('HSET', key, 'state', 'running', 'epoch', epoch, 'attempt', number, 'started', held[6] or num(now),
  'a:' .. number, cjson.encode({number = number, worker = worker, started = now, outcome = 'running'}))
if held[4] then redis.call('HDEL', key, 'retryAt') end
if state ~= 'running' then index_state(id, state, 'running') end
for _, resource in ipairs(resources) do redis.call('SET', P .. 'claim:' .. resource, epoch .. ' ' .. id) end
emit('job.started', 'job:' .. id, cjson.encode({attempt = number, worker = worker}))
return {'acquired', epoch, num(now), unpack(redis.call('HGETALL', key))}
