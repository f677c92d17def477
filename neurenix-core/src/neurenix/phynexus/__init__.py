"""The engines' C header, and where it lies (`python -m neurenix.phynexus --include-dir`)."""

from pathlib import Path

INCLUDE_DIR = Path(__file__).resolve().parent
HEADER = INCLUDE_DIR / "phynexus.h"
