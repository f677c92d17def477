# For editors only, of a package that is installed in place; no wheel holds it. Pyright
# takes the first folder `neurenix` that has a file `__init__`, which is core's; with
# this one it looks into the second for `neurenix.meta` too.
from neurenix import *  # noqa: F403
