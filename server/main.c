#include "server.h"

#include <signal.h>

int main(int argc, char **argv)
{
    /* A parent that ignores it would leave that to us, and then nobody's end can be waited for. */
    signal(SIGCHLD, SIG_DFL);
    return dd_main(argc, argv);
}
