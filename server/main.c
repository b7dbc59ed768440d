#include "server.h"

int main(int argc, char **argv)
{
    return dd_main(argc, argv);
}
