/* A real redis-server for tests: on a unix socket in a directory of the test, with nothing on disk. */
#ifndef DD_TESTS_REDIS_H
#define DD_TESTS_REDIS_H

#include "config/config.h"

#include <hiredis/hiredis.h>
#include <sys/types.h>

typedef struct test_redis {
    char *directory;
    char *url; /* unix://DIRECTORY/redis.sock */
    pid_t pid;
    redisContext *link; /* for looking in from outside */
    redisContext *ears; /* subscribed to what is written */
} test_redis;

/* Start it and wait until it accepts connections; ends the test program when it does not. After a stop it can
 * be started again, empty. */
void test_redis_start(test_redis *redis, const char *directory);
void test_redis_stop(test_redis *redis); /* SIGKILL; the end of the process is awaited */
void test_redis_done(test_redis *redis);
void test_redis_pause(test_redis *redis); /* it still accepts connections, and answers nothing */
void test_redis_resume(test_redis *redis);

/* The integer that a command answers. */
long long test_redis_number(test_redis *redis, const char *format, ...) DD_PRINTF(2, 3);
/* The text that a command answers, owned; NULL for nil. */
char *test_redis_text(test_redis *redis, const char *format, ...) DD_PRINTF(2, 3);

/* Tell of writes from now on to the keys "{drydock}:PATTERN"; then wait for `count` writes by the command
 * `word`
 * ("hset"). Ends the test program after 30 s. */
void test_redis_listen(test_redis *redis, const char *pattern);
void test_redis_await(test_redis *redis, const char *word, size_t count);

#endif
