-- For scripts of webhooks. Times are the caller's, in ms.
--   hooks              set: ids of endpoints           hooks-rev      number that rises with every change of any of them
--   hooks-cursor       hash: at (the last event that was fanned out), count (how many the stream had had by then)
--   hooks-replays      hash: JSON of what is left of an endpoint's replay, by endpoint
--   hooks-gone         set: removed endpoints whose deliveries are not all gone
--   hooks-stats        hash: attempts by outcome
--   hook:<id>          hash: rev, settings, secrets (JSON), state, reason, created, updated, failing, pause
--   hook-log:<id>      zset: all its deliveries, all at score 0 (ids sort by the event's time)
--   hook-pending:<id>  zset: those not over, by when they were stored
--   hook-due:<id>      zset: of these, those that wait for nothing but their time
--   hook-done:<id>     zset: those over, by when that was
--   hook-line:<id>:<subject> list: deliveries in the order of their events; only the first is in hook-due
--   delivery:<id>      hash: hook, subject, event (JSON), state, created, ended, due, count, base (count when it last began), attempts, test
local function delivery_key(id) return P .. 'delivery:' .. id end

local function touch_hooks() redis.call('INCR', P .. 'hooks-rev') end

-- The newest event, and how many the stream has had.
local function stream_tip()
  local newest = redis.call('XREVRANGE', P .. 'events', '+', '-', 'COUNT', 1)[1]
  if not newest then return '0-0', '0' end
  local info = redis.call('XINFO', 'STREAM', P .. 'events')
  for at = 1, #info, 2 do
    if info[at] == 'entries-added' then return newest[1], num(info[at + 1]) end
  end
  return newest[1], '0'
end

-- A delivery begins, or begins again; one that is under way stays as it is. apart: it waits for no other.
local function plan_delivery(id, hook, subject, event, now, apart)
  local key = delivery_key(id)
  local was = redis.call('HMGET', key, 'state', 'count')
  if was[1] == 'pending' then return end
  if not was[1] then
    redis.call('HSET', key, 'hook', hook, 'subject', subject, 'event', event, 'created', now, 'count', '0', 'attempts', '[]')
    redis.call('ZADD', P .. 'hook-log:' .. hook, '0', id)
  end
  redis.call('HSET', key, 'state', 'pending', 'due', now, 'base', was[2] or '0', 'test', apart == 'test' and '1' or '0')
  redis.call('HDEL', key, 'ended')
  redis.call('ZREM', P .. 'hook-done:' .. hook, id)
  redis.call('ZADD', P .. 'hook-pending:' .. hook, now, id)
  if apart or redis.call('RPUSH', P .. 'hook-line:' .. hook .. ':' .. subject, id) == 1 then
    redis.call('ZADD', P .. 'hook-due:' .. hook, now, id)
  end
end

-- The next of its subject need not wait for it any more.
local function leave_line(id, hook, subject, now)
  local line = P .. 'hook-line:' .. hook .. ':' .. subject
  local is_head = redis.call('LINDEX', line, 0) == id
  redis.call('LREM', line, 1, id)
  if not is_head then return end
  local head = redis.call('LINDEX', line, 0)
  if head then redis.call('ZADD', P .. 'hook-due:' .. hook, now, head) end
end

local function forget_delivery(id, hook)
  redis.call('DEL', delivery_key(id))
  for _, index in ipairs({'hook-log:', 'hook-pending:', 'hook-due:', 'hook-done:'}) do redis.call('ZREM', P .. index .. hook, id) end
end

local function emit_hook(kind, id, data) emit(kind, 'webhook:' .. id, cjson.encode(data)) end
