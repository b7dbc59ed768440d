# The triggers room's unit tests and fuzz targets.

# Deliveries as fixtures and fuzz targets need them.
add_library(test_deliveries STATIC support/deliveries.c)
target_link_libraries(test_deliveries PUBLIC drydock_triggers)

dd_unit_test(triggers senders test_deliveries)
dd_unit_test(triggers mutations test_deliveries)
dd_unit_test(triggers auth test_deliveries)
dd_unit_test(triggers forges test_deliveries)
dd_unit_test(triggers github test_deliveries)
dd_unit_test(triggers distribution test_deliveries)
dd_unit_test(triggers registries test_deliveries)
dd_unit_test(triggers event drydock_triggers)
dd_unit_test(triggers match drydock_triggers)
dd_unit_test(triggers json drydock_triggers)
dd_unit_test(triggers kept drydock_triggers)
dd_fuzz_target(json drydock_triggers)

# One target for each kind of sender, fuzz_KIND; its corpus is the fixtures' deliveries in one file each.
foreach(kind github gitlab gitea forgejo gogs bitbucket bitbucket-datacenter azure-devops standard-webhooks
        distribution gitlab-registry harbor acr dockerhub quay ghcr ecr gar artifactory nexus zot cloudevents)
  dd_fuzz_target(${kind} test_deliveries)
  target_compile_definitions(fuzz_${kind} PRIVATE DD_FUZZ_SENDER="${kind}")
endforeach()

# On a real docker-registry and redis-server. Under TSan too: a matcher is stopped by another thread than its own.
add_library(test_registry STATIC support/registry.c)
target_link_libraries(test_registry PUBLIC drydock_config PkgConfig::CURL)
foreach(name matcher registry)
  add_executable(integration_${name} integration/test_${name}.c)
  target_link_libraries(integration_${name} PRIVATE test_deliveries test_registry PkgConfig::CMOCKA)
  add_test(NAME integration_${name} COMMAND integration_${name})
  set_tests_properties(integration_${name} PROPERTIES LABELS "integration;threads" TIMEOUT 300)
endforeach()
