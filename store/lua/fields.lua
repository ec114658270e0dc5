-- Some fields of many hashes in one reply: as many replies they would cost their reader several times as much.
-- KEYS[1]  prefix
-- ARGV[2..] how many fields, the fields, then keys without the prefix
-- Returns  the values of the first hash, of the second and so on; nil for a field that is not there
local last = 2 + tonumber(ARGV[2])
local fields, values = {unpack(ARGV, 3, last)}, {}
for at = last + 1, #ARGV do
  for _, value in ipairs(redis.call('HMGET', P .. ARGV[at], unpack(fields))) do values[#values + 1] = value end
end
return values
