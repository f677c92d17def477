"""python -m neurenix.phynexus: where phynexus.h lies, and how its structs do."""

import sys

from . import INCLUDE_DIR

if sys.argv[1:] == ["--include-dir"]:
    print(INCLUDE_DIR)
elif sys.argv[1:] == ["--layout"]:
    from .structs import layout_text

    print(layout_text())
else:
    sys.exit("usage: python -m neurenix.phynexus --include-dir | --layout")
