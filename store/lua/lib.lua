-- Put before every script. All keys share one hash tag (the prefix), so that a cluster keeps them in one slot; scripts therefore
-- derive keys from the prefix, and KEYS[1] only routes the call.
--   job:<id>           hash: the job (see job-codec.ts)          line:<resource>   zset: ids by place, head first
--   claim:<resource>   "<epoch> <id>" of who may write it        rec:<type>:<name> hash: rev, body
--   recs:<type>        zset: names, all at score 0               events            stream
--   jobs:state:<s>, jobs:kind:<k>, jobs:of:<resource>            zsets: ids at score 0 (ids sort by time)
--   jobs:from:<id>     zset: the jobs that this one submitted; goes with it
--   ready              zset: ids that have an entry, by the time when they were last given one
--   dead               zset: dead letters, by the time when they died
--   dead-groups        zset: groups of dead letters (<fingerprint>:<code>:<kind>), by the time of the last death
--   dead-in:<group>    zset: its ids, by the time when they died     dead-group:<group>  hash: step, message, first (time)
--   dead-group-of      hash: id -> '<group> <actor>', of each dead letter
--   dead-run:<id>      hash: what has become of the dead letters that the job <id> settled: settled, over, dead (how many); for a week
--   awaiting:<id>      set: ids of the jobs that wait until this one is over; each counts in its `awaits` how many are still open
--   progress:<id>      what a job under way last told of itself (JSON), for a minute
--   bull:<lane>:…      BullMQ's
--   trail:<id>         list: calls and log lines of the job's attempts (store/trail.ts)
--   audit              stream: who did what (store/audit.ts)
--   ends               hash: <minute since 1970>|<state> -> how many jobs ended so in it; of the last hours
--   nat:<key>, idem:<scope>:<key>, seq, stats
-- What it defines is made anew for each call, so only what most scripts need is here; each.lua ends them.
local P = ARGV[1]

-- Calls that come together have most numbers in common.
local texts = {}
local function num(n)
  local text = texts[n]
  if not text then
    text = string.format('%.0f', n)
    texts[n] = text
  end
  return text
end

local time_us
local function now_us()
  if not time_us then
    local t = redis.call('TIME')
    time_us = tonumber(t[1]) * 1000000 + tonumber(t[2])
  end
  return time_us
end

local function now_ms() return math.floor(now_us() / 1000) end

-- Writes that no call reads are held back, and made once for all calls that come together (each.lua).
local held = {}
local function held_write(name, first)
  local write = held[name]
  if not write then
    write = first
    held[name] = write
    held[#held + 1] = write
  end
  return write
end

-- key: without the prefix
local function hold(command, key, ...)
  local name = command .. key
  local write = held[name] or held_write(name, {command, P .. key})
  local size = #write
  for at = 1, select('#', ...) do write[size + at] = (select(at, ...)) end
end

local function job_key(id) return P .. 'job:' .. id end

local EVENTS = P .. 'events'
local function emit(kind, subject, data)
  redis.call('XADD', EVENTS, '*', 'type', kind, 'subject', subject, 'data', data)
end

-- A job without resources has no such field.
local function decode_list(json) return json and cjson.decode(json) or {} end

local function resources_of(id) return decode_list(redis.call('HGET', job_key(id), 'resources')) end

-- Is the job at the head of every line it stands in? Otherwise the first resource at which it is not.
local function behind(id, resources)
  for _, resource in ipairs(resources) do
    local head = redis.call('ZRANGE', P .. 'line:' .. resource, 0, 0)[1]
    if head ~= id then return resource end
  end
  return nil
end

-- Where the listings look; the job's own field `state` is written by the caller, together with others.
local function index_state(id, from, to)
  if from then hold('ZREM', 'jobs:state:' .. from, id) end
  hold('ZADD', 'jobs:state:' .. to, '0', id)
  if to == 'waiting' or to == 'running' then return end
  -- How many came to this end in this minute, for people who watch; sweep.lua forgets old minutes.
  local slot = num(math.floor(now_ms() / 60000)) .. '|' .. to
  local write = held[slot] or held_write(slot, {'HINCRBY', P .. 'ends', slot, 0})
  write[4] = write[4] + 1
end

-- A fencing token: later ones of a job are greater, even after Redis came back without its last second or was emptied (it counts
-- microseconds). Two jobs may have the same: a claim names its job beside the token.
local function next_epoch(us, before) return num(math.max(us, tonumber(before or '0') + 1)) end

-- Adds an entry to BullMQ's queue as its own script would for an id that is new, but tells BullMQ's event stream nothing, since nobody
-- listens there (test/contract/store-entries.test.ts compares the two). Into the same write as what makes the job ready: no crash
-- comes between. The caller puts the id into `ready`.
local function add_entry(id, lane, count, now)
  local queue, name = 'bull:' .. lane .. ':', id .. '.' .. count
  redis.call('HSET', P .. queue .. name, 'name', 'job', 'data', '{}', 'opts', '{"attempts":0}', 'timestamp', now, 'delay', '0', 'priority', '0')
  hold('LPUSH', queue .. 'wait', name)
  if not held[queue] then held_write(queue, {'ZADD', P .. queue .. 'marker', '0', '0'}) end
end
