# The config room's unit tests and fuzz targets.
dd_unit_test(config words drydock_config)
dd_unit_test(config reference drydock_config)
dd_unit_test(config settings drydock_config)
dd_unit_test(config task drydock_config)
dd_unit_test(config glob drydock_config)
