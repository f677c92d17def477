"""Another device for what is tested, and the former one again whatever comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import neurenix as nx


@contextmanager
def device_for_a_while(device: str) -> Iterator[None]:
    """It is that of new tensors within."""
    before = nx.current_device()
    nx.init({"device": device})
    try:
        yield
    finally:
        nx.init({"device": before})
