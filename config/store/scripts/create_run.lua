-- Make a run of a task for one cause, into its pool's queue; or name the run that one of its causes has made already.
-- KEYS: run:next, runs, runs:TASK, queue:POOL:PRIORITY, cause:…, …
-- ARGV: key prefix, dedupe ms, task, pool, priority, name, value, …
-- Returns {run id, 1 when it existed}.
for i = 5, #KEYS do
    local run = redis.call('GET', KEYS[i])
    if run then
        -- The other causes mean the same run from now on.
        for j = 5, #KEYS do
            redis.call('SET', KEYS[j], run, 'PX', ARGV[2], 'NX')
        end
        return {run, 1}
    end
end

-- Short lower-case ids as ACR's, the first being ca1.
local function id_of(number)
    local digits, text = '0123456789abcdefghijklmnopqrstuvwxyz', ''
    number = number + 360
    while number > 0 do
        local digit = number % 36
        text = string.sub(digits, digit + 1, digit + 1) .. text
        number = (number - digit) / 36
    end
    return 'c' .. text
end
local run = id_of(redis.call('INCR', KEYS[1]))
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local key = ARGV[1] .. 'run:' .. run
local given = {}
for i = 6, #ARGV do
    given[#given + 1] = ARGV[i]
end
if #given > 0 then
    redis.call('HSET', key, unpack(given))
end
local entry = redis.call('XADD', KEYS[4], '*', 'run', run)
redis.call('HSET', key, 'id', run, 'state', 'Queued', 'task', ARGV[3], 'pool', ARGV[4], 'priority', ARGV[5],
    'lease', 0, 'attempt', 0, 'created_ms', now, 'queue', KEYS[4], 'queue_entry', entry)
redis.call('ZADD', KEYS[2], now, run)
redis.call('ZADD', KEYS[3], now, run)
redis.call('PERSIST', KEYS[3])
for i = 5, #KEYS do
    redis.call('SET', KEYS[i], run, 'PX', ARGV[2])
end
return {run, 0}
