-- A worker has ended: forget its beat, and its name among the readers of its queues where nothing of it is pending.
-- KEYS: worker:ID, workers, queue:POOL:high, queue:POOL:normal, queue:POOL:low
-- ARGV: worker id
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
for i = 3, #KEYS do
    if redis.call('EXISTS', KEYS[i]) == 1 and #redis.call('XINFO', 'GROUPS', KEYS[i]) > 0 and
        #redis.call('XPENDING', KEYS[i], 'workers', '-', '+', 1, ARGV[1]) == 0 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[i], 'workers', ARGV[1])
    end
end
return 'OK'
