# The server room's unit tests and fuzz targets.
dd_unit_test(server kept_json drydock_server)
dd_unit_test(server options drydock_server)
dd_unit_test(server output drydock_server)
dd_unit_test(server routes drydock_server)
dd_fuzz_target(route drydock_server)
dd_fuzz_target(http drydock_server)

# On a real redis-server, over TLS; the program is its own server. Under TSan too: listeners and matcher are threads.
add_library(test_server STATIC support/redis.c support/server.c)
target_link_libraries(test_server PUBLIC drydock_server PkgConfig::HIREDIS PkgConfig::JANSSON PkgConfig::CURL)
foreach(name server door verbs tools)
  add_executable(integration_${name} integration/test_${name}.c)
  target_link_libraries(integration_${name} PRIVATE test_server PkgConfig::CMOCKA)
  target_compile_definitions(integration_${name} PRIVATE DD_TESTS_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
  add_test(NAME integration_${name} COMMAND integration_${name})
  set_tests_properties(integration_${name} PROPERTIES LABELS integration TIMEOUT 300)
endforeach()
set_tests_properties(integration_server PROPERTIES LABELS "integration;threads")
