"""`neurenix doctor` beside a card that cannot be used, such as a processor's own
graphics: the fake runtime stands where AMD's would."""

from __future__ import annotations

import json
from pathlib import Path

from emulated_engine import ROCM, run

RAPHAEL = 0x1036  # gfx1036, the graphics of desktop processors


def test_a_second_card_that_cannot_be_used_harms_no_other(tmp_path: Path) -> None:
    asked = ["-m", "neurenix", "doctor", "rocm", "--json"]
    settings = f"devices=2,architecture1={RAPHAEL}"
    done = run(asked, tmp_path, ROCM, PHYNEXUS_FAKE_CUDA=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = json.loads(done.stdout)["device_types"]
    assert report["state"] == "available"
    first, second = report["devices"]
    assert first["check"] == "passed"
    assert second["device"] == "rocm:1"
    assert "is of the architecture gfx1036" in second["check"]
