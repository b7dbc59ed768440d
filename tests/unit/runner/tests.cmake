# The runner room's unit tests and fuzz targets.
dd_unit_test(runner channel drydock_runner)
dd_unit_test(runner worker drydock_runner)
dd_fuzz_target(channel drydock_runner)
