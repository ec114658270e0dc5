-- What people ask for: a test, another delivery, a replay.
-- KEYS[1]  prefix
-- ARGV[2..] 'test', delivery, endpoint, now, event (JSON) | 'resend', delivery, endpoint, now | 'replay', '', endpoint, now, range (JSON)
-- Returns  'ok' | 'gone' (the endpoint or the delivery) | 'disabled' | 'replaying'
local what, id, hook, now = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local state = redis.call('HGET', P .. 'hook:' .. hook, 'state')
if not state then return 'gone' end
if state ~= 'enabled' then return 'disabled' end
if what == 'replay' then
  return redis.call('HSETNX', P .. 'hooks-replays', hook, ARGV[6]) == 1 and 'ok' or 'replaying'
end
if what == 'test' then
  plan_delivery(id, hook, 'webhook:' .. hook, ARGV[6], now, 'test')
  return 'ok'
end
local was = redis.call('HMGET', delivery_key(id), 'hook', 'subject', 'state', 'count')
if was[1] ~= hook then return 'gone' end
if was[3] == 'pending' then
  -- It need not wait for its time or its line.
  redis.call('HSET', delivery_key(id), 'due', now, 'base', was[4])
  redis.call('ZADD', P .. 'hook-due:' .. hook, now, id)
else
  plan_delivery(id, hook, was[2], '', now, 'resend')
end
return 'ok'
