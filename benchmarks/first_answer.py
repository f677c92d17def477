"""How long the page of drawn symbols takes to its first answer, in Chromium.

    python examples/draw/make_draw.py --quick --output build/draw    # or: make draw-demo
    python benchmarks/first_answer.py build/draw

Five examples and a drawing are put on the sheets while the page still loads. Seconds of
wall time from the moment that the page is asked for, over HTTP from this machine by a
browser that was just started and has cached nothing: until Prototypical Networks have
answered, and until MAML has, after each of its six steps; the median of five browsers
and the slowest. Without WebGPU, and on WebGPU in software. Needs the group dev.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import draw_page as d

BROWSERS = 5
METHODS = ("prototypes", "maml")
# Runs before the page's own code.
WATCH = """
const line = (k) => [[0.2, 0.1 + k / 6], [0.5, 0.5], [0.8, 0.9 - k / 6]];
globalThis.answered = {};
const watching = setInterval(() => {
  if (!globalThis.drawn) return;
  const { cards, query } = globalThis.drawn;
  if (query.empty) {
    cards.forEach((card, k) => card.show([[line(k), line(5 - k)]], false));
    query.show([line(1), line(4)], false);
  }
  const { asked, prototypes, maml } = document.getElementById("results").dataset;
  if (prototypes === asked) answered.prototypes ??= performance.now() / 1000;
  if (maml === asked) answered.maml ??= performance.now() / 1000;
  if (answered.prototypes && answered.maml) clearInterval(watching);
}, 2);
"""


def times(address: str, flags: list[str]) -> tuple[dict[str, float], str]:
    """Of one browser; and who computed."""
    with d.browser(*flags) as driver:
        script = {"source": WATCH}
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
        page = d.Page(driver, address)
        page.wait("globalThis.answered.prototypes && globalThis.answered.maml")
        found: Any = page.value("globalThis.answered")
        return found, page.text("device").split(" in ")[0]


def main(folder: Path) -> None:
    if not (folder / "index.html").is_file():
        raise SystemExit(f"{folder} holds no page: see this file's first lines")
    for flags in (d.WITHOUT_GPU, d.GPU):
        with d.served(folder) as address:
            found = [times(address, flags) for _ in range(BROWSERS)]
        print(found[0][1])
        for method in METHODS:
            spent = [one[method] for one, _ in found]
            print(f"  {method:12} {median(spent):5.2f} s, at most {max(spent):.2f} s")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
