"""python -m neurenix.phynexus --include-dir: the folder of phynexus.h, for building engines."""

import sys

from . import INCLUDE_DIR

if sys.argv[1:] != ["--include-dir"]:
    sys.exit("usage: python -m neurenix.phynexus --include-dir")
print(INCLUDE_DIR)
