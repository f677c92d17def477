"""python -m neurenix.phynexus: where the header and the CMake package lie, and how the
header's structs do."""

import sys

from . import CMAKE_DIR, INCLUDE_DIR

if sys.argv[1:] == ["--include-dir"]:
    print(INCLUDE_DIR)
elif sys.argv[1:] == ["--cmake-dir"]:
    print(CMAKE_DIR)
elif sys.argv[1:] == ["--layout"]:
    from .structs import layout_text

    print(layout_text())
else:
    sys.exit(
        "usage: python -m neurenix.phynexus --include-dir | --cmake-dir | --layout"
    )
