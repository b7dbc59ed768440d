-- Forget a task and its index entries; its runs stay.
-- KEYS: task:NAME, tasks, task:NAME:bases
-- ARGV: key prefix, name
-- Returns deleted.
local repository = redis.call('HGET', KEYS[1], 'repository')
if not repository then
    return redis.error_reply('NOTFOUND no task ' .. ARGV[2])
end
redis.call('SREM', ARGV[1] .. 'repository:' .. repository, ARGV[2])
for _, reference in ipairs(redis.call('HKEYS', KEYS[3])) do
    local image = ARGV[1] .. 'image:' .. reference
    redis.call('SREM', image .. ':tasks', ARGV[2])
    if redis.call('EXISTS', image .. ':tasks') == 0 then
        redis.call('DEL', image)
    end
end
redis.call('SREM', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1], KEYS[3])
return 'deleted'
