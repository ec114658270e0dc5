-- Put behind every script, which is the body of `one`: calls that were made at the same time come together.
-- ARGV[2..] for each call how many arguments it has, then these; `one` sees them as ARGV[2..]
-- Returns  the reply of each; the error of one is its own
local replies, at = {}, 2
while at <= #ARGV do
  local last = at + tonumber(ARGV[at])
  local isDone, reply = pcall(one, {P, unpack(ARGV, at + 1, last)})
  if not isDone and type(reply) ~= 'table' then reply = {err = tostring(reply)} end
  replies[#replies + 1] = reply
  at = last + 1
end
for _, write in ipairs(held) do redis.call(unpack(write)) end
return replies
