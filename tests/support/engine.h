/* A container engine for tests: the machine's own where it works, else one configured in a directory of the
 * test's (deploy/engine), with a small base image. */
#ifndef DD_TESTS_ENGINE_H
#define DD_TESTS_ENGINE_H

#include "config/config.h"

#define TEST_BASE_IMAGE "localhost/drydock-test/busybox:1" /* a shell and the usual tools */

/* Set the environment of this process for the engine; ends the test program when none works. */
void test_engine_start(const char *directory);
void test_engine_stop(const char *directory);
/* Make TEST_BASE_IMAGE anew with this number in its /etc/base-release. */
void test_engine_base(const char *patch);
/* The standard output of a command that must succeed; owned. */
char *test_output(const char *const *argv);
#define TEST_OUTPUT(...) test_output((const char *const[]){__VA_ARGS__, NULL})
/* Nothing of the run is left: containers, working containers of builds, networks, processes, cgroups. */
void test_engine_assert_clean(const char *run);

#endif
