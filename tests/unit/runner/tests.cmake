# The runner room's unit tests and fuzz targets.
dd_unit_test(runner language drydock_runner PkgConfig::JANSSON)
dd_unit_test(runner graph drydock_runner)
dd_unit_test(runner words drydock_runner)
dd_fuzz_target(template drydock_runner)
dd_fuzz_target(alias drydock_runner)
dd_fuzz_target(taskfile drydock_runner)
dd_fuzz_target(words drydock_runner)
dd_fuzz_target(dockerfile drydock_runner PkgConfig::JANSSON)
dd_unit_test(runner channel drydock_runner)
dd_unit_test(runner child drydock_runner)
dd_unit_test(runner worker drydock_runner)
dd_unit_test(runner checkout drydock_runner test_registry)
dd_unit_test(runner engines drydock_runner)
dd_unit_test(runner job drydock_runner)
dd_unit_test(runner output drydock_runner)
dd_unit_test(runner schedule drydock_runner)
dd_fuzz_target(channel drydock_runner)
dd_fuzz_target(job drydock_runner)
dd_fuzz_target(output drydock_runner)

# The worker on a real redis-server; the program is its own worker, child and clean-up.
add_executable(integration_worker integration/test_worker.c)
target_link_libraries(integration_worker PRIVATE drydock_runner PkgConfig::CMOCKA)
add_test(NAME integration_worker COMMAND integration_worker)
set_tests_properties(integration_worker PROPERTIES LABELS integration TIMEOUT 300)

# Runs on the real engine and a real registry.
add_executable(integration_executor integration/test_executor.c support/engine.c)
target_link_libraries(integration_executor PRIVATE drydock_runner test_registry PkgConfig::LIBEVENT
  PkgConfig::JANSSON PkgConfig::CMOCKA)
target_compile_definitions(integration_executor PRIVATE DD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
add_test(NAME integration_executor COMMAND integration_executor)
set_tests_properties(integration_executor PROPERTIES LABELS integration TIMEOUT 600)
