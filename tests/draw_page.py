"""What the tests of the page of drawn symbols share: it made small, served, and driven
in Chromium as a person would."""

import functools
import http.server
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from web_needs import CHROMIUM, DRIVER, needs_browser

EXAMPLE = Path(__file__).parents[1] / "examples/draw"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1400",
]
# A WebGPU adapter in software. Workgroup memory is cleared by a loop: SwiftShader
# compiles a store for each of its words otherwise, which takes it seconds.
GPU = [
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
]
WITHOUT_GPU = ["--disable-features=WebGPU", "--disable-gpu"]
PATIENCE_S = 180


def module(name: str) -> ModuleType:
    """A file of the example, which is no package."""
    import importlib

    if str(EXAMPLE) not in sys.path:
        sys.path.insert(0, str(EXAMPLE))
    return importlib.import_module(name)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing of requests."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def browser(*flags: str) -> Iterator[Any]:
    needs_browser()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(PATIENCE_S)
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The page in a browser, as a person meets it."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        driver.get(url)

    def value(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")

    def wait(self, script: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not self.value(script):
            if time.monotonic() > end:
                raise TimeoutError(f"{script}; {self.value('document.body.innerText')}")
            time.sleep(0.05)

    def ready(self) -> None:
        for name in ("prototypes", "maml"):
            self.wait(f"document.body.dataset.ready.includes('{name}')")

    def text(self, name: str) -> str:
        return str(self.value(f"document.getElementById('{name}').innerText"))

    def click(self, selector: str) -> None:
        from selenium.webdriver.common.by import By

        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def sheet(self, number: int | None, example: int = 0) -> Any:
        """The sheet of an example of a class; of the query, for None."""
        from selenium.webdriver.common.by import By

        if number is None:
            return self.driver.find_element(By.CSS_SELECTOR, "#query canvas")
        path = f'.card[data-class="{number}"] .small canvas'
        return self.driver.find_elements(By.CSS_SELECTOR, path)[example]

    def draw(self, sheet: Any, strokes: Any) -> None:
        """Strokes with the mouse: pressed, moved from point to point, let go."""
        from selenium.webdriver.common.action_chains import ActionChains

        self.driver.execute_script(
            "arguments[0].scrollIntoView({block: 'center'})", sheet
        )
        size = sheet.size
        chain = ActionChains(self.driver, duration=0)
        for stroke in strokes:
            for k, (x, y) in enumerate(stroke):
                across, down = (
                    round((v - 0.5) * 0.96 * size[side])
                    for v, side in ((x, "width"), (y, "height"))
                )
                chain.move_to_element_with_offset(sheet, across, down)
                if k == 0:
                    chain.click_and_hold()
            chain.release()
        chain.perform()

    def strokes(self, number: int | None, example: int = 0) -> Any:
        """What the page kept of it."""
        if number is None:
            return self.value("drawn.query.strokes")
        return self.value(f"drawn.cards[{number}].pads[{example}].strokes")

    def scores(self, method: str) -> list[float]:
        """Of the classes that are there, once both methods have answered what was drawn
        last, MAML after each of its steps."""
        self.wait(
            "(({ asked, prototypes, maml }) => prototypes === asked && maml === asked)"
            "(document.getElementById('results').dataset)"
        )
        found = self.value(
            f"[...document.querySelectorAll('.row:not([hidden]) .{method}.line')]"
            ".map((line) => Number(line.dataset.score))"
        )
        return list(map(float, found))

    def complaints(self) -> list[str]:
        """What the console says; but for Chromium's own note that it has no WebGPU."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        return [text for text in said if "No available adapters" not in text]


def points(flat: list[int]) -> list[tuple[float, float]]:
    return [(flat[i] / 1000, flat[i + 1] / 1000) for i in range(0, len(flat), 2)]


def expected(
    learners: Any, support: list[tuple[int, Any]], query: Any, ways: int
) -> dict[str, np.ndarray[Any, Any]]:
    """What the device here makes of the same drawings, by the methods' own code:
    support drawings with their classes, and a query, as strokes."""
    proto, gradient = learners
    ink = module("raster").ink
    x = np.stack([ink(strokes) for _, strokes in support])[:, None]
    y = np.array([label for label, _ in support], np.int32)
    image = ink(query)[None, None]
    found = {"prototypes": proto.adapt_to_task(x, y)(image).numpy()[0]}
    if ways == 5:  # MAML's network has an output for each of five
        found["maml"] = gradient.adapt_to_task(x, y)(image).numpy()[0]
    return found
