-- Stores the deliveries of a batch of events and moves the cursor, at once: sent twice, the second does nothing.
-- KEYS[1]  prefix
-- ARGV[2..] hooks-rev of the plan, where the batch begins, its last event, how many events, endpoint of the replay or '', JSON of what is
--          left of the replay after it or '', now, then for each delivery: id, endpoint, subject, event (JSON)
-- Returns  'done' | 'moved' | 'changed'. For a replay, "where the batch begins" is the JSON of what was left before it.
local after, replay, now = ARGV[3], ARGV[6], ARGV[8]
if replay == '' then
  if (redis.call('HGET', P .. 'hooks-cursor', 'at') or '0-0') ~= after then return 'moved' end
elseif redis.call('HGET', P .. 'hooks-replays', replay) ~= after then
  return 'moved'
end
if (redis.call('GET', P .. 'hooks-rev') or '0') ~= ARGV[2] then return 'changed' end
for at = 9, #ARGV, 4 do plan_delivery(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], now) end
if replay == '' then
  redis.call('HSET', P .. 'hooks-cursor', 'at', ARGV[4])
  redis.call('HINCRBY', P .. 'hooks-cursor', 'count', ARGV[5])
  -- At the end of the stream its own count is the truth: whatever was missed in between, the next sweep goes by that.
  local at, seen = stream_tip()
  if at == ARGV[4] then redis.call('HSET', P .. 'hooks-cursor', 'count', seen) end
elseif ARGV[7] == '' then
  redis.call('HDEL', P .. 'hooks-replays', replay)
else
  redis.call('HSET', P .. 'hooks-replays', replay, ARGV[7])
end
return 'done'
