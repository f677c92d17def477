"""The engines' C header; `python -m neurenix.phynexus --include-dir` says where."""

from pathlib import Path

INCLUDE_DIR = Path(__file__).resolve().parent
HEADER = INCLUDE_DIR / "phynexus.h"
