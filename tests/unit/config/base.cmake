# The base's unit tests and fuzz target.
foreach(name error diagnostic buf clock digest log files spawn yaml)
  dd_unit_test(config ${name} drydock_base)
endforeach()
dd_fuzz_target(yaml drydock_base)
