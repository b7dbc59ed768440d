# The triggers room's unit tests and fuzz targets.

# Deliveries as fixtures and fuzz targets need them.
add_library(test_deliveries STATIC support/deliveries.c)
target_link_libraries(test_deliveries PUBLIC drydock_triggers)

dd_unit_test(triggers senders test_deliveries)
dd_unit_test(triggers github test_deliveries)
dd_unit_test(triggers distribution test_deliveries)
dd_unit_test(triggers event drydock_triggers)
dd_unit_test(triggers match drydock_triggers)
dd_unit_test(triggers registry drydock_triggers)

dd_fuzz_target(github test_deliveries)
dd_fuzz_target(distribution test_deliveries)
dd_fuzz_target(challenge drydock_triggers)
