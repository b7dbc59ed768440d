/* Child processes: posix_spawn with argument vectors, never a shell. A child has exactly the descriptors
 * given. */
#ifndef DD_BASE_SPAWN_H
#define DD_BASE_SPAWN_H

#include "buf.h"
#include <sys/types.h>

typedef struct dd_spawn {
    const char *const *argv;  /* argv[0] is looked up in PATH */
    const char *const *envp;  /* NULL: this process's environment */
    const char *directory;    /* NULL: this process's */
    int input, output, error; /* -1: /dev/null */
    const int *passed;        /* become 3, 4, … in the child */
    size_t passed_count;
    bool own_group; /* a process group of its own, to be signalled as a whole */
} dd_spawn;
#define DD_SPAWN_INIT                                                                                        \
    {                                                                                                        \
        .input = -1, .output = -1, .error = -1                                                               \
    }

/* Start the child with default signal handling and an empty mask. NOT_FOUND when the program is missing. */
int dd_spawn_start(const dd_spawn *spawn, pid_t *ret_pid, dd_error **err);

typedef struct dd_spawn_result {
    int exit_code; /* 128+N when signal N ended it, as a shell counts */
    dd_buf *output;
    dd_buf *error;
} dd_spawn_result;
void dd_spawn_result_done(dd_spawn_result *result);

/* Run to the end, collecting both outputs (each cut at max_bytes, the rest read and dropped); the child
 * is killed with its group at the deadline (TIMEOUT). BLOCKING: never on an event loop. */
int dd_spawn_wait(const dd_spawn *spawn, size_t max_bytes, int timeout_ms, dd_spawn_result *ret,
                  dd_error **err);
/* A wait status as a shell counts it. */
int dd_exit_code_of(int wait_status);

#endif
