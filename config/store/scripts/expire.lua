-- Runs whose lease ran out: back into the queue under a lease number that fences the old worker off, or to their end.
-- And of the workers that read a pool's queues, those that are gone are forgotten.
-- KEYS: leases, queue:POOL:high, queue:POOL:normal, queue:POOL:low
-- ARGV: key prefix, most attempts, most runs to handle, ms to keep an ended run
-- Returns what was done, a text for each run.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local done = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[3])) do
    local key = ARGV[1] .. 'run:' .. id
    local log = key .. ':log'
    local run = redis.call('HMGET', key, 'state', 'queue', 'queue_entry', 'worker', 'lease', 'attempt',
        'cancel_requested', 'history', 'task')
    redis.call('ZREM', KEYS[1], id)
    if run[1] == 'Queued' or run[1] == 'Started' or run[1] == 'Running' then
        redis.call('XACK', run[2], 'workers', run[3])
        redis.call('XDEL', run[2], run[3])
        redis.call('HINCRBY', key, 'lease', 1)
        local lost = 'worker ' .. run[4] .. ' was lost (lease ' .. run[5] .. ')'
        local history = run[8] and (run[8] .. '; ' .. lost) or lost
        redis.call('HSET', key, 'history', string.sub(history, -2000))
        local state, message
        if run[7] then
            state, message = 'Canceled', 'canceled by ' .. run[7] .. '; its ' .. lost
        elseif tonumber(run[6]) >= tonumber(ARGV[2]) then
            state, message = 'Error', 'given up after ' .. run[6] .. ' attempts: ' .. history
        end
        if state then
            redis.call('HSET', key, 'state', state, 'message', message, 'ended_ms', now)
            redis.call('XADD', log, '*', 'step', '', 'stream', 'system', 'at_ms', now, 'text', message)
            redis.call('XADD', log, '*', 'end', state)
            redis.call('PEXPIRE', key, ARGV[4])
            redis.call('PEXPIRE', log, ARGV[4])
            redis.call('PEXPIRE', ARGV[1] .. 'runs:' .. run[9], 2 * ARGV[4])
            done[#done + 1] = string.lower(state) .. ' ' .. id .. ': ' .. message
        else
            local entry = redis.call('XADD', run[2], '*', 'run', id)
            redis.call('HSET', key, 'queue_entry', entry)
            redis.call('XADD', log, '*', 'step', '', 'stream', 'system', 'at_ms', now, 'text',
                lost .. '; the run waits to be taken up again')
            done[#done + 1] = 'requeued ' .. id .. ': ' .. lost
        end
    end
end
for i = 2, #KEYS do
    local consumers = redis.call('EXISTS', KEYS[i]) == 1 and #redis.call('XINFO', 'GROUPS', KEYS[i]) > 0 and
        redis.call('XINFO', 'CONSUMERS', KEYS[i], 'workers') or {}
    for j = 1, math.min(#consumers, 100) do
        local consumer = {}
        for k = 1, #consumers[j], 2 do
            consumer[consumers[j][k]] = consumers[j][k + 1]
        end
        -- One that comes back is a reader again by its next claim.
        if consumer.pending == 0 and redis.call('EXISTS', ARGV[1] .. 'worker:' .. consumer.name) == 0 then
            redis.call('XGROUP', 'DELCONSUMER', KEYS[i], 'workers', consumer.name)
        end
    end
end
return done
