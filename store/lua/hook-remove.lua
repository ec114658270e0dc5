-- Removes an endpoint. What it leaves is deleted bit by bit (hook-purge.lua).
-- KEYS[1]  prefix
-- ARGV[2..] id, expected rev or '' for any
-- Returns  'ok' | 'stale' | 'gone'
local id = ARGV[2]
local rev = redis.call('HGET', P .. 'hook:' .. id, 'rev')
if not rev then return 'gone' end
if ARGV[3] ~= '' and ARGV[3] ~= rev then return 'stale' end
redis.call('DEL', P .. 'hook:' .. id)
redis.call('SREM', P .. 'hooks', id)
redis.call('HDEL', P .. 'hooks-replays', id)
redis.call('SADD', P .. 'hooks-gone', id)
touch_hooks()
return 'ok'
