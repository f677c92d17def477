"""`python -m neurenix` is the command `neurenix`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
