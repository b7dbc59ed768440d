-- Write fields of a run, and move its state, under its lease.
-- KEYS: run:ID
-- ARGV: lease number, state, name, value, …
-- The permitted moves are those of config/words.c; a test holds the two against each other.
local next_of = {
    Queued = {Started = 1, Canceled = 1, Error = 1, Timeout = 1},
    Started = {Running = 1, Succeeded = 1, Failed = 1, Canceled = 1, Error = 1, Timeout = 1},
    Running = {Succeeded = 1, Failed = 1, Canceled = 1, Error = 1, Timeout = 1},
}
local run = redis.call('HMGET', KEYS[1], 'state', 'lease')
if not run[1] then
    return redis.error_reply('NOTFOUND no such run')
end
if run[2] ~= ARGV[1] then
    return redis.error_reply('STALE lease ' .. ARGV[1] .. ' is over; the run has lease ' .. run[2])
end
if not next_of[run[1]] then
    return redis.error_reply('CONFLICT the run is ' .. run[1] .. ' already')
end
if ARGV[2] ~= run[1] then
    if not next_of[run[1]][ARGV[2]] then
        return redis.error_reply('CONFLICT a run does not move from ' .. run[1] .. ' to ' .. ARGV[2])
    end
    redis.call('HSET', KEYS[1], 'state', ARGV[2])
end
local fields = {}
for i = 3, #ARGV do
    fields[#fields + 1] = ARGV[i]
end
if #fields > 0 then
    redis.call('HSET', KEYS[1], unpack(fields))
end
return 'OK'
