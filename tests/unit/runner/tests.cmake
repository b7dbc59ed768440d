# The runner room's unit tests and fuzz targets.
