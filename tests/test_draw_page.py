"""The page of drawn symbols, in Chromium: what a person draws, types and reads."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import draw_page as d
import numpy as np
import pytest
from web_needs import absent, needs_browser

from neurenix.errors import DatasetError

pytestmark = pytest.mark.slow

CROSS = [[(0.2, 0.2), (0.5, 0.5), (0.8, 0.8)], [(0.8, 0.2), (0.5, 0.5), (0.2, 0.8)]]
RING = [
    [(0.5 + 0.3 * np.cos(a), 0.5 + 0.3 * np.sin(a)) for a in np.linspace(0, 6.2, 14)]
]
STAIRS = [[(0.2, 0.2), (0.2, 0.5), (0.5, 0.5), (0.5, 0.8), (0.8, 0.8)]]
TENT = [[(0.2, 0.8), (0.5, 0.2), (0.8, 0.8)], [(0.35, 0.5), (0.65, 0.5)]]
WAVE = [[(0.1 + 0.8 * t, 0.5 + 0.25 * np.sin(9 * t)) for t in np.linspace(0, 1, 16)]]
SYMBOLS = [CROSS, RING, STAIRS, TENT, WAVE]


def _made(folder: Path, omniglot: bool) -> Any:
    """The page with hardly trained networks; and these."""
    make = d.module("make_draw")

    def absent(**_: Any) -> Any:
        raise DatasetError("left out")

    with pytest.MonkeyPatch.context() as patch:
        if not omniglot:
            patch.setattr(make, "Omniglot", absent)
        learners = make.learners(make.characters(quick=True), quick=True)
        make.page(folder, *learners, make.drawings(20 if omniglot else 6))
    return folder, learners


@pytest.fixture(scope="module", autouse=True)
def chromium() -> None:
    """Before anything is trained."""
    needs_browser()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Made of generated characters."""
    return _made(tmp_path_factory.mktemp("draw") / "page", omniglot=False)


@pytest.fixture(scope="module")
def url(made: Any) -> Iterator[str]:
    with d.served(made[0]) as address:
        yield address


@pytest.fixture(scope="module", params=["cpu", "webgpu"])
def driver(request: pytest.FixtureRequest) -> Iterator[Any]:
    with d.browser(*(d.GPU if request.param == "webgpu" else d.WITHOUT_GPU)) as opened:
        opened.computer = request.param
        yield opened


@pytest.fixture
def page(driver: Any, url: str) -> Iterator[d.Page]:
    """The page, on WebGPU in software and on the CPU; its console stays silent."""
    opened = d.Page(driver, f"{url}?device={driver.computer}")
    if driver.computer == "webgpu":
        has = driver.execute_async_script(
            "const done = arguments[0]; (navigator.gpu ? navigator.gpu.requestAdapter()"
            " : Promise.resolve(null)).then((a) => done(!!a), () => done(false))"
        )
        if not has:
            absent("this Chromium has no WebGPU adapter")
    opened.ready()
    yield opened
    assert opened.complaints() == []


def _show(page: d.Page, symbols: Any, query: Any) -> None:
    """Drawings on the sheets, at once."""
    page.driver.execute_script(
        "arguments[0].forEach((x, k) => drawn.cards[k].show([x], false));"
        "drawn.query.show(arguments[1], false)",
        symbols,
        query,
    )


def _check_scores(page: d.Page, learners: Any, shots: int = 1) -> None:
    support = [(k, page.strokes(k, n)) for k in range(5) for n in range(shots)]
    _compare(page, d.expected(learners, support, page.strokes(None), 5))


# Of the largest score. MAML's gradients pass five times through ReLUs, and variances of
# nearly empty drawings: now and then float32 itself is that far from float64, on a CPU
# as on WebGPU (docs/deploy.md), so that of 100 episodes one differs by 1.4e-4.
TOLERANCE = {("prototypes", "cpu"): 1e-4, ("prototypes", "webgpu"): 1e-4}
TOLERANCE |= {("maml", "cpu"): 1e-4, ("maml", "webgpu"): 2e-4}


def _compare(page: d.Page, expected: Any) -> dict[str, float]:
    """The page's scores, and to 1e-4 how likely they make each class; the largest
    difference of each method's scores."""
    on = "webgpu" if "WebGPU" in page.text("device") else "cpu"
    worst = {}
    for method, values in expected.items():
        found = np.array(page.scores(method))
        largest = max(1, float(np.abs(values).max()))
        worst[method] = float(np.abs(found - values).max()) / largest
        assert worst[method] <= TOLERANCE[method, on], (method, found, values)
        assert np.abs(_likely(found) - _likely(values)).max() <= 1e-4, (found, values)
    return worst


def _likely(scores: Any) -> Any:
    shares = np.exp(scores - scores.max())
    return shares / shares.sum()


def test_drawings_are_classified_as_the_device_here_does(
    page: d.Page, made: Any
) -> None:
    for k, symbol in enumerate(SYMBOLS):
        page.draw(page.sheet(k), symbol)
    page.draw(page.sheet(None), RING)
    _check_scores(page, made[1])
    best = int(np.argmax(page.scores("prototypes")))
    page.wait(
        f"document.getElementById('verdict').innerText.includes('Symbol {best + 1}')"
    )
    by = "JavaScript" if page.driver.computer == "cpu" else "WebGPU"
    assert by in page.text("device")
    # a second example of each, and an answer to another drawing
    for k, symbol in enumerate(SYMBOLS):
        page.click(f'.card[data-class="{k}"] .more')
        page.draw(page.sheet(k, 1), [[(y, x) for x, y in stroke] for stroke in symbol])
    page.click("#clear")
    page.draw(page.sheet(None), TENT)
    _check_scores(page, made[1], shots=2)


def test_the_adaptation_can_be_watched(page: d.Page) -> None:
    page.click("#surprise")
    page.wait("!drawn.query.empty")
    page.scores("maml")
    after = page.scores("maml")
    page.click("#steps button:nth-child(1)")
    assert page.value("document.querySelectorAll('#paths circle').length") == 30
    assert "before any step" in page.text("adapting")
    assert page.scores("maml") != after
    page.click("#steps button:nth-child(6)")
    assert page.scores("maml") == after


def test_scripted_episodes(page: d.Page, made: Any) -> None:
    _episodes(page, made, 3)


@pytest.fixture(scope="module")
def omniglot(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The page of networks that learned a little of Omniglot's training characters."""
    return _made(tmp_path_factory.mktemp("omniglot") / "page", omniglot=True)


@pytest.mark.omniglot
@pytest.mark.parametrize(
    "count",
    [4, pytest.param(100, marks=pytest.mark.nightly)],
    ids="{} episodes".format,
)
def test_accuracy_on_omniglot(driver: Any, omniglot: Any, count: int) -> None:
    """Of scripted episodes of its test characters, on WebGPU and on the CPU."""
    with d.served(omniglot[0]) as address:
        page = d.Page(driver, f"{address}?device={driver.computer}")
        page.ready()
        _episodes(page, omniglot, count)
        assert page.complaints() == []


def _episodes(page: d.Page, made: Any, count: int) -> None:
    """Drawings of `drawings.json`, put on the sheets: the scores are those of the
    device here, and as often right. Prints how often."""
    folder, learners = made
    characters = json.loads((folder / "drawings.json").read_text())["characters"]
    rng = np.random.default_rng(0)
    right = {"prototypes": 0, "maml": 0}
    here = dict(right)
    worst = dict.fromkeys(right, 0.0)
    for _ in range(count):
        classes = rng.permutation(len(characters))[:5]
        drawn = [list(map(d.points, characters[k]["drawings"][0])) for k in classes]
        answer = int(rng.integers(5))
        drawings = characters[classes[answer]]["drawings"]
        query = list(map(d.points, drawings[1 + int(rng.integers(len(drawings) - 1))]))
        _show(page, drawn, query)
        expected = d.expected(learners, list(enumerate(drawn)), query, 5)
        for method, difference in _compare(page, expected).items():
            worst[method] = max(worst[method], difference)
        for method, values in expected.items():
            right[method] += int(np.argmax(page.scores(method))) == answer
            here[method] += int(np.argmax(values)) == answer
    assert right == here, f"of {count}"
    print(f"{count} episodes: right {right}, largest differences {worst}")


# ---- what else a person does ---------------------------------------------------------


@pytest.fixture
def plain(url: str) -> Iterator[d.Page]:
    """The page in a browser without WebGPU."""
    with d.browser(*d.WITHOUT_GPU) as driver:
        yield d.Page(driver, url)


def test_what_is_missing_is_said_and_undone(plain: d.Page) -> None:
    from selenium.webdriver.common.keys import Keys

    plain.ready()
    assert "draw an example of two or more" in plain.text("verdict")
    plain.draw(plain.sheet(0), CROSS)
    plain.wait("document.getElementById('verdict').innerText.includes('With one')")
    plain.draw(plain.sheet(3), RING)
    plain.wait("document.getElementById('verdict').innerText.includes('Now draw')")
    assert plain.value("document.querySelectorAll('.row:not([hidden])').length") == 2
    plain.draw(plain.sheet(None), RING)
    scores = plain.scores("prototypes")  # of the two that are there
    assert scores[1] > scores[0]
    name = plain.driver.find_elements("css selector", ".title input")[3]
    name.send_keys("Ring")
    plain.wait("document.getElementById('verdict').innerText.includes('Ring')")

    sheet = plain.sheet(0)
    sheet.send_keys(Keys.CONTROL + "z")
    assert len(plain.strokes(0)) == 1
    plain.click('.card[data-class="0"] .undo')
    assert plain.strokes(0) == []
    plain.wait("document.getElementById('verdict').innerText.includes('With one')")
    plain.click("#undo")
    assert plain.strokes(None) == []
    plain.click("#restart")
    assert plain.strokes(3) == []
    assert plain.complaints() == []


STATE = "JSON.stringify([drawn.cards.map((card) => card.state), drawn.query.strokes])"


def test_what_was_taken_away_comes_back(plain: d.Page) -> None:
    """After "Clear", of a card and of the query, "Surprise me" and "Start again"."""
    plain.ready()
    plain.draw(plain.sheet(0), CROSS)
    plain.click('.card[data-class="0"] .more')
    plain.draw(plain.sheet(0, 1), TENT)
    plain.draw(plain.sheet(1), RING)
    plain.draw(plain.sheet(None), STAIRS)
    plain.driver.find_elements("css selector", ".title input")[1].send_keys("Ring")
    mine = plain.value(STATE)
    plain.click('.card[data-class="0"] .clear')
    assert plain.strokes(0) == [] and plain.value("drawn.cards[0].pads.length") == 1
    plain.click('.card[data-class="0"] .undo')
    plain.click("#clear")
    assert plain.strokes(None) == []
    plain.click("#undo")
    assert plain.value(STATE) == mine
    assert not plain.driver.find_element("id", "back").is_displayed()
    for button in ("surprise", "surprise", "restart"):
        plain.click(f"#{button}")
        assert plain.value(STATE) != mine
    for _ in range(3):
        plain.click("#back")
    plain.wait("document.getElementById('said').innerText.endsWith('are back.')")
    assert plain.value(STATE) == mine
    assert not plain.driver.find_element("id", "back").is_displayed()


def test_a_drawing_becomes_pixels_once(plain: d.Page) -> None:
    """Whatever is drawn or named elsewhere."""
    plain.ready()
    plain.draw(plain.sheet(0), CROSS)
    plain.value("globalThis.first = drawn.cards[0].pads[0].ink")
    plain.draw(plain.sheet(1), RING)
    plain.driver.find_elements("css selector", ".title input")[1].send_keys("Ring")
    assert plain.value("drawn.cards[0].pads[0].ink === first")
    plain.draw(plain.sheet(0), RING)
    assert plain.value("drawn.cards[0].pads[0].ink !== first")


def test_what_is_done_on_a_sheet_is_announced(plain: d.Page) -> None:
    from selenium.webdriver.common.keys import Keys

    plain.ready()
    sheet = plain.sheet(1)
    region = plain.driver.find_element("id", "said")
    assert region.get_attribute("role") == "status"
    done = {
        Keys.SPACE: "1 stroke: pen down",
        Keys.ESCAPE: "1 stroke: pen lifted",
        Keys.CONTROL + "z": "empty: a stroke taken back",
    }
    for keys, said in done.items():
        sheet.send_keys(keys)
        assert plain.text("said") == f"Symbol 2, example 1, {said}"


def test_the_keyboard_draws(plain: d.Page) -> None:
    from selenium.webdriver.common.keys import Keys

    plain.ready()
    sheet = plain.sheet(1)
    sheet.send_keys(Keys.ARROW_LEFT * 5, Keys.SPACE, Keys.ARROW_RIGHT * 10, Keys.SPACE)
    sheet.send_keys(Keys.ARROW_UP, Keys.SPACE)
    (line, dot) = plain.strokes(1)
    np.testing.assert_allclose([line[0], line[-1]], [[0.3, 0.5], [0.7, 0.5]])
    assert len(dot) == 1
    label = sheet.get_attribute("aria-label")
    assert label == "Symbol 2, example 1, 2 strokes"
    sheet.send_keys(Keys.DELETE)
    assert plain.strokes(1) == []
    assert sheet.get_attribute("aria-label").endswith("empty")


def test_a_finger_draws_and_scrolls_nothing(plain: d.Page) -> None:
    plain.ready()
    sheet = plain.sheet(None)
    top = plain.value("(scrollTo(0, 40), scrollY)")
    box = plain.driver.execute_script(
        "const b = arguments[0].getBoundingClientRect(); return [b.x, b.y, b.width]",
        sheet,
    )

    def touch(kind: str, *at: tuple[float, float]) -> None:
        touching = [{"x": box[0] + x * box[2], "y": box[1] + y * box[2]} for x, y in at]
        event = {"type": kind, "touchPoints": touching}
        plain.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    touch("touchStart", (0.25, 0.25))
    for y in (0.4, 0.6, 0.75):
        touch("touchMove", (0.25, y))
    touch("touchEnd")
    (stroke,) = plain.strokes(None)
    np.testing.assert_allclose(stroke[0], [0.25, 0.25], atol=0.02)
    np.testing.assert_allclose(stroke[-1], [0.25, 0.75], atol=0.02)
    assert plain.value("scrollY") == top


def test_everything_that_takes_keys_has_a_name(plain: d.Page) -> None:
    plain.ready()
    nameless = plain.value(
        "[...document.querySelectorAll('button, input, select, [tabindex]')].filter((e)"
        " => !(e.getAttribute('aria-label') || e.innerText || e.labels?.length))"
        ".map((e) => e.outerHTML)"
    )
    assert nameless == []


def test_without_webgpu_it_says_so_and_helps(plain: d.Page) -> None:
    plain.ready()
    plain.wait("document.getElementById('device').innerText.includes('JavaScript')")
    assert "there is no WebGPU here" in plain.text("device")
    assert plain.value("!document.getElementById('without').hidden")


# A device that is lost when the page says so, and one with small limits.
LOST = """
const request = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (...given) {
  const device = await request.apply(this, given);
  new BroadcastChannel("lose").onmessage = () => device.destroy();
  return device;
};
"""
LIMITED = """
const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "limits");
Object.defineProperty(GPUAdapter.prototype, "limits", { get() {
  return { ...get.call(this), maxStorageBufferBindingSize: 256, maxBufferSize: 1e9 };
} });
"""


def _with(made: Any, folder: Path, code: str) -> Path:
    """The page, whose worker runs this code first."""
    shutil.copytree(made[0], folder)
    worker = folder / "worker.js"
    worker.write_text(code + worker.read_text())
    return folder


def test_a_device_lost_while_drawing(made: Any, tmp_path: Path) -> None:
    """The CPU goes on with the same scores, and the page says why."""
    folder = _with(made, tmp_path / "page", LOST)
    with d.served(folder) as address, d.browser(*d.GPU) as driver:
        page = d.Page(driver, address)
        page.ready()
        _show(page, SYMBOLS, RING)
        page.scores("maml")
        assert "WebGPU" in page.text("device")
        page.value("new BroadcastChannel('lose').postMessage('now')")
        _show(page, [], WAVE)
        page.wait("document.getElementById('trouble').innerText.includes('was lost')")
        page.wait("document.getElementById('device').innerText.includes('JavaScript')")
        _check_scores(page, made[1])
        assert "on with the CPU: the WebGPU device was lost" in page.text("trouble")
        _show(page, SYMBOLS[::-1], TENT)  # a support set that was never on the device
        _check_scores(page, made[1])
        assert all("computes on the CPU" in said for said in page.complaints())


def test_a_device_with_small_limits(made: Any, tmp_path: Path) -> None:
    folder = _with(made, tmp_path / "page", LIMITED)
    with d.served(folder) as address, d.browser(*d.GPU) as driver:
        page = d.Page(driver, address)
        page.ready()
        assert "allows 0.000256 MB: export it with chunk=" in page.text("device")
        _show(page, SYMBOLS, RING)
        _check_scores(page, made[1])
        assert "JavaScript" in page.text("device")
        assert not page.value("document.getElementById('without').hidden")


def test_it_opens_without_a_network_once_loaded(made: Any, tmp_path: Path) -> None:
    with d.browser(*d.WITHOUT_GPU) as driver:
        with d.served(made[0]) as address:
            page = d.Page(driver, address)
            page.ready()
            driver.execute_async_script(
                "navigator.serviceWorker.ready.then(arguments[0])"
            )
        page = d.Page(driver, address)  # the server is gone
        page.ready()
        page.click("#surprise")
        assert len(page.scores("prototypes")) == 5


def test_a_folder_without_networks_says_how_to_make_them(
    made: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "page"
    shutil.copytree(made[0], folder)
    shutil.rmtree(folder / "maml")
    (folder / "prototypes/weights.safetensors").unlink()
    (folder / "offline.js").unlink()
    with d.served(folder) as address, d.browser(*d.WITHOUT_GPU) as driver:
        page = d.Page(driver, address)
        page.wait("document.getElementById('trouble').innerText.includes('draw-demo')")
        assert page.text("trouble").startswith("The networks are not in this folder")
        assert page.text("device") == "Nothing computes yet."


def test_only_what_is_missing_or_fails_is_named(made: Any, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    shutil.copytree(made[0], folder)
    (folder / "maml/weights.safetensors").unlink()
    (folder / "offline.js").unlink()
    with d.served(folder) as address, d.browser(*d.WITHOUT_GPU) as driver:
        page = d.Page(driver, address)
        page.wait("document.getElementById('trouble').innerText.includes('draw-demo')")
        assert page.text("trouble").startswith("MAML is not in this folder")
        assert page.text("device").startswith("Computed by JavaScript")
        page = d.Page(driver, f"{address}?device=webgpu")
        page.wait("document.getElementById('trouble').innerText.includes('WebGPU')")
        assert "Compute with “what is best here”" in page.text("trouble")
        assert page.text("device") == "Nothing computes yet."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_from_320_pixels_on(plain: d.Page, scheme: str, tmp_path: Path) -> None:
    plain.ready()
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    plain.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    plain.click("#surprise")
    plain.scores("maml")
    for width in (320, 400, 768, 1280):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        plain.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        assert plain.value("document.documentElement.scrollWidth") == width
        assert plain.driver.save_screenshot(str(tmp_path / f"{scheme}-{width}.png"))
    ink, paper = (
        plain.value(f"getComputedStyle(drawn.query.canvas).{what}")
        for what in ("color", "backgroundColor")
    )
    lightness = [sum(map(int, c[4:-1].split(","))) for c in (ink, paper)]
    assert (lightness[0] > lightness[1]) == (scheme == "dark")
