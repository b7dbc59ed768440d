# The server room's unit tests and fuzz targets.
