-- Take the first waiting run of a pool under a new lease number.
-- KEYS: leases, queue:POOL:high, queue:POOL:normal, queue:POOL:low
-- ARGV: key prefix, worker id, lease ms
-- Returns {run id, lease number, {the run's hash}}, or {false, cursor, cursor, cursor} when nothing waits: each
-- queue's last entry id, from where a blocking read misses nothing that came after this call.
local function is_final(state)
    return state == 'Succeeded' or state == 'Failed' or state == 'Canceled' or state == 'Error' or state == 'Timeout'
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function take(queue, entry, run)
    local key = ARGV[1] .. 'run:' .. run
    local state = redis.call('HGET', key, 'state')
    -- An entry that is not the run's present one was left by a restore or a script that failed half-way.
    if not state or is_final(state) or redis.call('HGET', key, 'queue_entry') ~= entry then
        redis.call('XACK', queue, 'workers', entry)
        redis.call('XDEL', queue, entry)
        return nil
    end
    local lease = redis.call('HINCRBY', key, 'lease', 1)
    redis.call('HINCRBY', key, 'attempt', 1)
    if state == 'Queued' then
        redis.call('HSET', key, 'state', 'Started', 'started_ms', now)
    end
    redis.call('HSET', key, 'worker', ARGV[2], 'claimed_ms', now)
    redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), run)
    return {run, lease, redis.call('HGETALL', key)}
end

local looked_at = 0
for i = 2, #KEYS do
    -- The stream may be there without its group: a run's making adds to it before any worker has come.
    if redis.call('EXISTS', KEYS[i]) == 0 or #redis.call('XINFO', 'GROUPS', KEYS[i]) == 0 then
        redis.call('XGROUP', 'CREATE', KEYS[i], 'workers', '0', 'MKSTREAM')
    end
    while looked_at < 100 do
        local read = redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[2], 'COUNT', 1, 'STREAMS', KEYS[i], '>')
        if not read then
            break
        end
        looked_at = looked_at + 1
        local entry = read[1][2][1]
        local claim = take(KEYS[i], entry[1], entry[2][2])
        if claim then
            return claim
        end
    end
end

local cursors = {false}
for i = 2, #KEYS do
    local info = redis.call('XINFO', 'STREAM', KEYS[i])
    for j = 1, #info, 2 do
        if info[j] == 'last-generated-id' then
            -- Looked at as many as one call may: come again at once.
            cursors[#cursors + 1] = looked_at < 100 and info[j + 1] or '0-0'
        end
    end
end
return cursors
