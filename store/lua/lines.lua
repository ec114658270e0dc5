-- For scripts that move lines and wake jobs.

-- Gives the job an entry; one that it had before counts no more.
local function wake(id, now)
  local key = job_key(id)
  local count = redis.call('HINCRBY', key, 'wake', 1)
  redis.call('ZADD', P .. 'ready', num(now), id)
  add_entry(id, redis.call('HGET', key, 'lane'), num(count), num(now))
end

-- After lines have moved: wakes the jobs that are now first everywhere.
local function wake_heads(resources, now)
  for _, resource in ipairs(resources) do
    local head = redis.call('ZRANGE', P .. 'line:' .. resource, 0, 0)[1]
    local job = head and redis.call('HMGET', job_key(head), 'state', 'awaits')
    if job and job[1] == 'waiting' and not job[2]
      and not redis.call('ZSCORE', P .. 'ready', head)
      and not behind(head, resources_of(head)) then
      wake(head, now)
    end
  end
end

local function join_lines(id, resources, front)
  for _, resource in ipairs(resources) do
    local place = redis.call('INCR', P .. 'seq')
    if front then place = place - 1e15 end
    redis.call('ZADD', P .. 'line:' .. resource, num(place), id)
  end
end
