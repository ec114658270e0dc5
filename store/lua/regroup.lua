-- Mends what an older version left: a dead letter without a group gets one, and who is no dead letter any more leaves its group.
-- KEYS[1]  job:<id>
-- ARGV[2..] id, death (JSON, as in dead.lua) or '' for a job that cannot be read any more, error to keep (JSON)
-- Returns  'grouped' | 'left' | 'forgotten'
local id = ARGV[2]
local at = redis.call('ZSCORE', P .. 'dead', id)
if not at then
  leave_group(id)
  return 'left'
end
if ARGV[3] == '' then
  leave_dead(id)
  redis.call('ZREM', P .. 'jobs:state:dead', id)
  return 'forgotten'
end
if redis.call('HEXISTS', P .. 'dead-group-of', id) == 0 then
  redis.call('HSET', job_key(id), 'error', ARGV[4])
  join_group(id, at, cjson.decode(ARGV[3]))
end
return 'grouped'
