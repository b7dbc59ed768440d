# The server room's unit tests and fuzz targets.
dd_unit_test(server options drydock_server)
dd_unit_test(server routes drydock_server)
dd_fuzz_target(route drydock_server)

# On a real redis-server, over TLS; the program is its own server. Under TSan too: listeners and matcher are threads.
add_library(test_server STATIC support/redis.c support/server.c)
target_link_libraries(test_server PUBLIC drydock_server PkgConfig::HIREDIS PkgConfig::JANSSON PkgConfig::CURL)
add_executable(integration_server integration/test_server.c)
target_link_libraries(integration_server PRIVATE test_server PkgConfig::CMOCKA)
add_test(NAME integration_server COMMAND integration_server)
set_tests_properties(integration_server PROPERTIES LABELS "integration;threads" TIMEOUT 300)
