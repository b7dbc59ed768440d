# The triggers room's unit tests and fuzz targets.
