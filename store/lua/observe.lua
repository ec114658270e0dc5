-- Writes records outside of a claim, for observers; never beside a job that stands in the resource's line.
-- KEYS[1]  prefix
-- ARGV[2]  write (JSON: records as in records.lua, events)
-- Returns  'done' | 'stale' | 'busy'
-- Events   those of the write
local write = cjson.decode(ARGV[2])
local records = write.records
for _, change in ipairs(records) do
  if redis.call('EXISTS', P .. 'line:' .. change.resource) == 1 then return 'busy' end
end
if stale(records) then return 'stale' end
write_records(records)
for _, event in ipairs(write.events) do emit(event.type, event.subject, event.data) end
return 'done'
