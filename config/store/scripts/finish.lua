-- End a run under its lease: final state, queue entry gone, image index of its task as the run found it.
-- KEYS: run:ID, run:ID:log, leases, runs, task:NAME, task:NAME:bases, runs:NAME
-- ARGV: key prefix, run id, lease number, state, ms to keep it, 1 to write the index, number of bases,
--       reference, digest, kind (runtime or buildtime), …, name, value, …
local run = redis.call('HMGET', KEYS[1], 'state', 'lease', 'queue', 'queue_entry', 'task')
if not run[1] then
    return redis.error_reply('NOTFOUND no such run')
end
if run[2] ~= ARGV[3] then
    return redis.error_reply('STALE lease ' .. ARGV[3] .. ' is over; the run has lease ' .. run[2])
end
-- The permitted ends, as config/words.c has them; a test holds the two against each other.
local any = {Succeeded = 1, Failed = 1, Canceled = 1, Error = 1, Timeout = 1}
local ends_of = {Queued = {Canceled = 1, Error = 1, Timeout = 1}, Started = any, Running = any}
-- Told again, because the answer was lost: only the lease that ended the run still has its number.
if run[1] == ARGV[4] and not ends_of[run[1]] then
    return 'OK'
end
if not ends_of[run[1]] then
    return redis.error_reply('CONFLICT the run is ' .. run[1] .. ' already')
end
if not ends_of[run[1]][ARGV[4]] then
    return redis.error_reply('CONFLICT a run does not end from ' .. run[1] .. ' as ' .. ARGV[4])
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bases = tonumber(ARGV[7])
local fields = {}
for i = 8 + 3 * bases, #ARGV do
    fields[#fields + 1] = ARGV[i]
end
redis.call('HSET', KEYS[1], 'state', ARGV[4], 'ended_ms', now, unpack(fields))
redis.call('XACK', run[3], 'workers', run[4])
redis.call('XDEL', run[3], run[4])
redis.call('ZREM', KEYS[3], ARGV[2])
-- The line by which followers of the log know that nothing more comes.
redis.call('XADD', KEYS[2], '*', 'end', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
-- The list of a task that has no more runs goes after the last of them; the next run keeps it.
redis.call('PEXPIRE', KEYS[7], 2 * ARGV[5])
-- The lists forget the runs that are gone: an old one may still wait, run, or have ended just now.
for _, key in ipairs({KEYS[4], KEYS[7]}) do
    local old = redis.call('ZRANGE', key, '-inf', '(' .. (now - tonumber(ARGV[5])), 'BYSCORE', 'LIMIT', 0, 50)
    for _, id in ipairs(old) do
        if redis.call('EXISTS', ARGV[1] .. 'run:' .. id) == 0 then
            redis.call('ZREM', key, id)
        end
    end
end

-- A task that was deleted meanwhile has no edges.
if ARGV[6] == '1' and redis.call('EXISTS', KEYS[5]) == 1 then
    local before = redis.call('HKEYS', KEYS[6])
    for _, reference in ipairs(before) do
        redis.call('SREM', ARGV[1] .. 'image:' .. reference .. ':tasks', run[5])
    end
    redis.call('DEL', KEYS[6])
    for i = 0, bases - 1 do
        local reference, digest, kind = ARGV[8 + 3 * i], ARGV[9 + 3 * i], ARGV[10 + 3 * i]
        redis.call('HSET', KEYS[6], reference, digest .. ' ' .. kind)
        redis.call('SADD', ARGV[1] .. 'image:' .. reference .. ':tasks', run[5])
        local image = ARGV[1] .. 'image:' .. reference
        if digest ~= '' and redis.call('HSETNX', image, 'digest', digest) == 1 then
            redis.call('HSET', image, 'seen_ms', now)
        end
    end
    -- An image that nobody is built from any more.
    for _, reference in ipairs(before) do
        if redis.call('EXISTS', ARGV[1] .. 'image:' .. reference .. ':tasks') == 0 then
            redis.call('DEL', ARGV[1] .. 'image:' .. reference)
        end
    end
    redis.call('HSET', KEYS[5], 'last_run', ARGV[2], 'last_state', ARGV[4])
end
return 'OK'
