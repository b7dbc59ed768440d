# Tests on real services that belong to no room's list alone.

# dd_integration_test(NAME LIBRARIES…): integration/test_NAME.c, a cmocka program integration_NAME under the label
# "integration". One at a time: they measure times and fill machines.
function(dd_integration_test name)
  add_executable(integration_${name} integration/test_${name}.c)
  target_link_libraries(integration_${name} PRIVATE ${ARGN} PkgConfig::CMOCKA)
  add_test(NAME integration_${name} COMMAND integration_${name})
  set_tests_properties(integration_${name} PROPERTIES LABELS integration TIMEOUT 600 RUN_SERIAL ON)
endfunction()

add_library(test_redis STATIC support/redis.c)
target_link_libraries(test_redis PUBLIC drydock_config)

# Under TSan too: calls are interrupted from other threads.
dd_integration_test(store test_redis)
set_tests_properties(integration_store PROPERTIES LABELS "integration;threads")
# The test program is its own server, whose listeners and matcher are threads.
dd_integration_test(outages test_server)
set_tests_properties(integration_outages PROPERTIES LABELS "integration;threads")
# On a real docker-registry too, whose notifications go to that server.
dd_integration_test(notifications test_server test_registry)
# Connections are made on threads.
dd_integration_test(store_addresses drydock_config)
set_tests_properties(integration_store_addresses PROPERTIES LABELS "integration;threads")
