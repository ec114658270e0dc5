-- Records an attempt of a delivery, and what it says of the endpoint. Sent twice, the second finds the count moved on.
-- KEYS[1]  prefix
-- ARGV[2..] id, attempts so far, all attempts that are kept (JSON), 'delivered' | 'retry' | 'failed', when it is due again or '',
--          '1': it steps aside, '1': it disables the endpoint, until when the endpoint pauses or '', now, ms of only failures that disable,
--          how many that are over are kept
-- Returns  'done' | 'stale' | 'disabled:<reason>'
-- Events   webhook.disabled
local id, outcome, now = ARGV[2], ARGV[5], ARGV[10]
local key = delivery_key(id)
local was = redis.call('HMGET', key, 'state', 'count', 'hook', 'subject')
if was[1] ~= 'pending' or was[2] ~= ARGV[3] then return 'stale' end
local hook, subject = was[3], was[4]
redis.call('HINCRBY', key, 'count', 1)
redis.call('HSET', key, 'attempts', ARGV[4])
redis.call('HINCRBY', P .. 'hooks-stats', outcome, 1)
if outcome == 'retry' then
  redis.call('HSET', key, 'due', ARGV[6])
  redis.call('ZADD', P .. 'hook-due:' .. hook, ARGV[6], id)
  if ARGV[7] == '1' then leave_line(id, hook, subject, now) end
else
  redis.call('HSET', key, 'state', outcome, 'ended', now)
  redis.call('HDEL', key, 'due')
  redis.call('ZREM', P .. 'hook-pending:' .. hook, id)
  redis.call('ZREM', P .. 'hook-due:' .. hook, id)
  redis.call('ZADD', P .. 'hook-done:' .. hook, now, id)
  leave_line(id, hook, subject, now)
  local excess = redis.call('ZCARD', P .. 'hook-done:' .. hook) - tonumber(ARGV[12])
  if excess > 0 then
    for _, old in ipairs(redis.call('ZRANGE', P .. 'hook-done:' .. hook, 0, math.min(excess, 10) - 1)) do forget_delivery(old, hook) end
  end
end

local hook_key = P .. 'hook:' .. hook
local state = redis.call('HGET', hook_key, 'state')
if not state then return 'done' end
if outcome == 'delivered' then
  redis.call('HDEL', hook_key, 'failing', 'pause')
  return 'done'
end
redis.call('HSETNX', hook_key, 'failing', now)
if ARGV[9] ~= '' then redis.call('HSET', hook_key, 'pause', ARGV[9]) end
local since = redis.call('HGET', hook_key, 'failing')
local reason = ARGV[8] == '1' and 'gone' or (tonumber(now) - tonumber(since) >= tonumber(ARGV[11]) and 'failing')
if state ~= 'enabled' or not reason then return 'done' end
redis.call('HSET', hook_key, 'state', 'disabled', 'reason', reason, 'updated', now)
redis.call('HINCRBY', hook_key, 'rev', 1)
touch_hooks()
emit_hook('webhook.disabled', hook, {reason = reason})
return 'disabled:' .. reason
