# The config room's unit tests and fuzz targets.
