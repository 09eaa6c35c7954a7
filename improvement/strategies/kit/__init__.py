"""What strategy packages share; the host lays it into each package, so that it is a part of the package's version."""
