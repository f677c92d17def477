"""Writes docs/array-api.md from the list in neurenix.array_api.standard."""

from pathlib import Path

from neurenix.array_api.standard import page

if __name__ == "__main__":
    Path(__file__).with_name("array-api.md").write_text(page(), encoding="utf-8")
