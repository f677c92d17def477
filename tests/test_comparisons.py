"""The programs beside those of other libraries give the numbers that these printed."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"```python\n(.*?)```\n\n```text title=\"Output\"\n(.*?)```", re.S)


def blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def numbers(text: str) -> list[float]:
    """Those with five digits after the point: versions have none such."""
    return [float(x) for x in re.findall(r"\d+\.\d{5}\b", text)]


@pytest.mark.parametrize(
    ("page", "libraries"),
    [
        ("comparison.md", ("torch", "jax", "tensorflow")),
        ("tutorials/port-a-learn2learn-script.md", ("learn2learn",)),
    ],
)
def test_neurenix_gives_what_the_others_printed(
    page: str, libraries: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (ours, *_) = [
        program
        for program, told in blocks(page)
        if "import neurenix as nx" in program and numbers(told)
    ]
    exec(compile(ours, page, "exec"), {"__name__": "__main__"})
    found = numbers(capsys.readouterr().out)
    assert len(found) == 2
    for library in libraries:
        (told,) = [
            told
            for program, told in blocks(page)
            if re.search(rf"^(import|from) {library}\b", program, re.M)
        ]
        assert numbers(told) == pytest.approx(found, rel=2e-5), library
