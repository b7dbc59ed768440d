/* A real redis-server for tests. */
#include "redis.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 30

static redisContext *connect_to(const test_redis *redis)
{
    dd_auto_str path = dd_path_join(redis->directory, "redis.sock");
    redisContext *link = redisConnectUnix(path);
    dd_assert(link && !link->err);
    redisSetTimeout(link, (struct timeval){.tv_sec = PATIENCE_S});
    return link;
}

/* Its log says when it is ready; it does not die of what it cannot write there afterwards. */
static void await_ready(int fd)
{
    char log[8192] = "";
    size_t length = 0;
    ssize_t got;
    while (!strstr(log, "eady to accept connections") && length < sizeof(log) - 1 &&
           (got = read(fd, log + length, sizeof(log) - 1 - length)) > 0)
        length += (size_t)got;
    if (!strstr(log, "eady to accept connections"))
        fprintf(stderr, "redis-server did not start: %s\n", log);
    dd_assert(strstr(log, "eady to accept connections"));
}

void test_redis_start(test_redis *redis, const char *directory)
{
    /* It ends with this program, however that ends. */
    const char *const argv[] = {"setpriv",
                                "--pdeathsig",
                                "KILL",
                                "redis-server",
                                "--port",
                                "0",
                                "--unixsocket",
                                "redis.sock",
                                "--save",
                                "",
                                "--appendonly",
                                "no",
                                "--notify-keyspace-events",
                                "KEA",
                                "--logfile",
                                "",
                                NULL};
    int ends[2];
    dd_auto(dd_error) error = NULL;
    free(redis->directory);
    free(redis->url);
    redis->directory = dd_strdup(directory);
    redis->url = dd_sprintf("unix://%s/redis.sock", directory);
    dd_assert(pipe2(ends, O_CLOEXEC) == 0);
    dd_spawn spawn = DD_SPAWN_INIT;
    spawn.argv = argv;
    spawn.directory = directory;
    spawn.output = spawn.error = ends[1];
    if (dd_spawn_start(&spawn, &redis->pid, &error) < 0)
        fprintf(stderr, "%s\n", error->message);
    dd_assert(!error);
    close(ends[1]);
    await_ready(ends[0]);
    close(ends[0]);
    redis->link = connect_to(redis);
}

void test_redis_stop(test_redis *redis)
{
    if (redis->link)
        redisFree(redis->link);
    if (redis->ears)
        redisFree(redis->ears);
    redis->link = redis->ears = NULL;
    if (redis->pid > 0) {
        kill(redis->pid, SIGKILL);
        waitpid(redis->pid, NULL, 0);
    }
    redis->pid = 0;
}

void test_redis_done(test_redis *redis)
{
    test_redis_stop(redis);
    free(redis->directory);
    free(redis->url);
    *redis = (test_redis){0};
}

void test_redis_pause(test_redis *redis)
{
    kill(redis->pid, SIGSTOP);
    dd_assert(waitpid(redis->pid, NULL, WUNTRACED) == redis->pid);
}

void test_redis_resume(test_redis *redis)
{
    kill(redis->pid, SIGCONT);
}

static redisReply *call(test_redis *redis, const char *format, va_list args)
{
    redisReply *reply = redisvCommand(redis->link, format, args);
    dd_assert(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fprintf(stderr, "redis: %s: %s\n", format, reply->str);
    dd_assert(reply->type != REDIS_REPLY_ERROR);
    return reply;
}

long long test_redis_number(test_redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = call(redis, format, args);
    va_end(args);
    dd_assert(reply->type == REDIS_REPLY_INTEGER);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}

char *test_redis_text(test_redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = call(redis, format, args);
    va_end(args);
    char *text = reply->type == REDIS_REPLY_NIL ? NULL : dd_strdup(reply->str);
    freeReplyObject(reply);
    return text;
}

void test_redis_listen(test_redis *redis, const char *pattern)
{
    if (redis->ears)
        redisFree(redis->ears);
    redis->ears = connect_to(redis);
    dd_auto_str channel = dd_sprintf("__keyspace@0__:{drydock}:%s", pattern);
    redisReply *reply = redisCommand(redis->ears, "PSUBSCRIBE %s", channel);
    dd_assert(reply && reply->type == REDIS_REPLY_ARRAY);
    freeReplyObject(reply);
}

void test_redis_await(test_redis *redis, const char *word, size_t count)
{
    while (count > 0) {
        redisReply *reply = NULL;
        dd_assert(redisGetReply(redis->ears, (void **)&reply) == REDIS_OK);
        dd_assert(reply->type == REDIS_REPLY_ARRAY && reply->elements == 4);
        count -= strcmp(reply->element[3]->str, word) == 0;
        freeReplyObject(reply);
    }
}
