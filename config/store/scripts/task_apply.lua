-- Store a task and the index of its repository.
-- KEYS: task:NAME, tasks
-- ARGV: key prefix, name, repository key ('' for none), yaml, name, value, …
-- Returns created or updated or unchanged.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local old = redis.call('HMGET', KEYS[1], 'yaml', 'repository')
local fields = {}
for i = 5, #ARGV do
    fields[#fields + 1] = ARGV[i]
end
if old[2] and old[2] ~= ARGV[3] then
    redis.call('SREM', ARGV[1] .. 'repository:' .. old[2], ARGV[2])
end
if ARGV[3] ~= '' then
    redis.call('SADD', ARGV[1] .. 'repository:' .. ARGV[3], ARGV[2])
end
redis.call('SADD', KEYS[2], ARGV[2])
redis.call('HSET', KEYS[1], 'name', ARGV[2], 'repository', ARGV[3], 'yaml', ARGV[4], unpack(fields))
redis.call('HSETNX', KEYS[1], 'created_ms', now)
if old[1] == ARGV[4] then
    return 'unchanged'
end
redis.call('HSET', KEYS[1], 'updated_ms', now)
return old[1] and 'updated' or 'created'
