"""How long the page of drawn symbols takes to its first answer, in Chromium.

    make draw-demo
    python benchmarks/first_answer.py build/draw

Five examples and a drawing are put on the sheets while the page still loads. From the
moment that the page is asked for, over HTTP from this machine, by a browser that was
just started and has cached nothing: seconds until Prototypical Networks have answered,
and until MAML has, after each of its six steps; wall time, and processor time of all of
the browser's processes. The median of three browsers, and the slowest. Without WebGPU,
and on WebGPU in software. Needs the group dev and Linux.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import draw_page as d

BROWSERS = 3
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


def processor_seconds(root: int) -> float:
    """What a process and its descendants have used."""
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        used[pid] = int(fields[11]) + int(fields[12])
    family = {root}
    while more := {p for p, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(used.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")


def times(address: str, flags: list[str]) -> tuple[list[tuple[float, float]], str]:
    """Of one browser, wall and processor seconds of each method; and who computed."""
    with d.browser(*flags) as driver:
        script = {"source": WATCH}
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
        root = driver.service.process.pid
        before = processor_seconds(root)
        page = d.Page(driver, address)
        found = []
        for method in METHODS:
            while not (wall := page.value(f"globalThis.answered.{method}")):
                time.sleep(0.02)
            found.append((wall, processor_seconds(root) - before))
        return found, page.text("device").split(" in ")[0]


def main(folder: Path) -> None:
    if not (folder / "index.html").is_file():
        raise SystemExit(f"{folder} holds no page: see this file's first lines")
    for flags in (d.WITHOUT_GPU, d.GPU):
        with d.served(folder) as address:
            found = [times(address, flags) for _ in range(BROWSERS)]
        print(found[0][1])
        for k, method in enumerate(METHODS):
            for what, spent in zip(
                ("wall", "processor"), zip(*(one[k] for one, _ in found)), strict=True
            ):
                most = max(spent)
                print(
                    f"  {method:12} {what:9} {median(spent):5.2f} s, at most {most:.2f}"
                )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
