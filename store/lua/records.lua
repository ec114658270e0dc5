-- For scripts that write records. changes: [{op, resource, key, index, name, rev, body}]

-- The key of the first record whose revision is not the expected one; a record that is not there has revision 0.
local function stale(changes)
  for _, change in ipairs(changes) do
    if tonumber(redis.call('HGET', P .. change.key, 'rev') or '0') ~= change.rev then return change.key end
  end
  return nil
end

local function write_records(changes)
  for _, change in ipairs(changes) do
    if change.op == 'put' then
      redis.call('HSET', P .. change.key, 'rev', num(change.rev + 1), 'body', change.body)
      redis.call('ZADD', P .. change.index, '0', change.name)
    else
      redis.call('DEL', P .. change.key)
      redis.call('ZREM', P .. change.index, change.name)
    end
  end
end
