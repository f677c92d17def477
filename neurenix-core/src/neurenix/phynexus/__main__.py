"""python -m neurenix.phynexus --include-dir: where phynexus.h lies, for engines."""

import sys

from . import INCLUDE_DIR

if sys.argv[1:] != ["--include-dir"]:
    sys.exit("usage: python -m neurenix.phynexus --include-dir")
print(INCLUDE_DIR)
