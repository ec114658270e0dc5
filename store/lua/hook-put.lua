-- Makes or changes an endpoint.
-- KEYS[1]  prefix
-- ARGV[2..] id, 'create' or 'change', expected rev or '' for any, now, how many there may be, then fields and values ('' deletes)
-- Returns  'ok' | 'stale' | 'gone' | 'full'
-- Events   webhook.enabled, webhook.disabled
local id, now = ARGV[2], ARGV[5]
local key = P .. 'hook:' .. id
local was = redis.call('HMGET', key, 'rev', 'state')
if ARGV[3] == 'create' then
  if was[1] then return 'ok' end
  local count = redis.call('SCARD', P .. 'hooks')
  if count >= tonumber(ARGV[6]) then return 'full' end
  -- While there is no endpoint nobody moves the cursor.
  if count == 0 then
    local at, seen = stream_tip()
    redis.call('HSET', P .. 'hooks-cursor', 'at', at, 'count', seen)
  end
  redis.call('SADD', P .. 'hooks', id)
  redis.call('HSET', key, 'rev', '0', 'state', 'enabled', 'created', now, 'after', (stream_tip()))
elseif not was[1] then
  return 'gone'
elseif ARGV[4] ~= '' and ARGV[4] ~= was[1] then
  return 'stale'
end
for at = 7, #ARGV, 2 do
  if ARGV[at + 1] == '' then redis.call('HDEL', key, ARGV[at]) else redis.call('HSET', key, ARGV[at], ARGV[at + 1]) end
end
redis.call('HSET', key, 'updated', now)
redis.call('HINCRBY', key, 'rev', 1)
local is = redis.call('HGET', key, 'state')
if was[2] and is ~= was[2] then
  -- What came before is not for it.
  if is == 'enabled' then
    redis.call('HSET', key, 'after', (stream_tip()))
    emit_hook('webhook.enabled', id, {by = 'person'})
  else
    emit_hook('webhook.disabled', id, {reason = 'person'})
  end
end
touch_hooks()
return 'ok'
