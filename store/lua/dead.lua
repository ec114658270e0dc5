-- For scripts that make or settle dead letters.

-- death: {group, actor, step or '', message}
local function join_group(id, at, death)
  local group, groups = death.group, P .. 'dead-groups'
  local key = P .. 'dead-group:' .. group
  redis.call('HSET', P .. 'dead-group-of', id, group .. ' ' .. death.actor)
  redis.call('ZADD', P .. 'dead-in:' .. group, at, id)
  local first, last = redis.call('HGET', key, 'first'), redis.call('ZSCORE', groups, group)
  if not first or tonumber(at) < tonumber(first) then redis.call('HSET', key, 'first', at) end
  if not last or tonumber(at) >= tonumber(last) then
    redis.call('ZADD', groups, at, group)
    redis.call('HSET', key, 'step', death.step, 'message', death.message)
  end
end

-- A group goes with the last of its dead letters.
local function leave_group(id)
  local member = redis.call('HGET', P .. 'dead-group-of', id)
  if not member then return end
  local group = string.match(member, '^%S+')
  redis.call('HDEL', P .. 'dead-group-of', id)
  redis.call('ZREM', P .. 'dead-in:' .. group, id)
  if redis.call('EXISTS', P .. 'dead-in:' .. group) == 1 then return end
  redis.call('DEL', P .. 'dead-group:' .. group)
  redis.call('ZREM', P .. 'dead-groups', group)
end

local function leave_dead(id)
  redis.call('ZREM', P .. 'dead', id)
  leave_group(id)
end

-- more: fields of the job, as a flat list
local function discard(id, actor, reason, more)
  leave_dead(id)
  redis.call('HSET', job_key(id), 'discardReason', reason, 'discardBy', actor, 'state', 'failed', unpack(more))
  index_state(id, 'dead', 'failed')
  emit('job.discarded', 'job:' .. id, cjson.encode({by = actor, reason = reason}))
end

-- A job that a run redrove is over again.
local function tell_run(run, state)
  local key = P .. 'dead-run:' .. run
  if redis.call('EXISTS', key) == 0 then return end
  redis.call('HINCRBY', key, 'over', 1)
  if state == 'dead' then redis.call('HINCRBY', key, 'dead', 1) end
end
