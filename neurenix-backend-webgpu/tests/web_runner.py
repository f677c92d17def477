"""Runs JavaScript in Node and in Chromium, for tests of exports for the web."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

from web_needs import CHROMIUM, DRIVER, needs_browser, node

WEB = str(files("neurenix_backend_webgpu") / "web")  # the runner


def run_node(script: str, *arguments: Any) -> Any:
    """What a module's default export makes of the arguments, JSON both ways."""
    code = (
        "import { readFileSync } from 'node:fs';"
        f"{script}\n"
        "const given = JSON.parse(readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(await main(...given)));"
    )
    done = subprocess.run(
        [node(), "--input-type=module", "-e", code],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


CONTENT_SECURITY = "default-src 'none'; script-src 'self'; connect-src 'self'"
PAGE = b"""<!doctype html><meta charset="utf-8"><title>Runner</title>
<script type="module" src="/page.js"></script>"""
SCRIPT = b"import { load } from '/neurenix.js'; window.load = load;"


class _Handler(SimpleHTTPRequestHandler):
    """A folder, and a page that loads its runner and may run nothing else."""

    def do_GET(self) -> None:
        made = {
            "/page.html": ("text/html", PAGE),
            "/page.js": ("text/javascript", SCRIPT),
        }
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        elif self.path in made:
            kind, content = made[self.path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", CONTENT_SECURITY)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the test says what failed."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a page that has `load`, from a folder's runner."""
    handler = partial(_Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/page.html"
        finally:
            server.shutdown()
            thread.join()


# WebGPU in software. Workgroup memory is cleared by a loop: SwiftShader compiles a
# store for each of its words otherwise, which takes it seconds.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
    "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser that selenium drives."""
    needs_browser()
    from selenium import webdriver as selenium

    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = selenium.Chrome(
        options=options, service=selenium.ChromeService(executable_path=DRIVER)
    )
    browser.set_script_timeout(110)
    try:
        yield browser
    finally:
        browser.quit()


def in_page(browser: Any, body: str, *arguments: Any) -> Any:
    """What an asynchronous function of this body returns in the page, or throws."""
    found = browser.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "const given = [...arguments].slice(0, -1);"
        f"(async (...given) => {{ {body} }})(...given)"
        ".then((value) => done({ value }), (error) => done({ error: error.message }));",
        *arguments,
    )
    assert "error" not in found, found["error"]
    return found["value"]


def messages(browser: Any) -> list[str]:
    """What the console said since the last call."""
    return [entry["message"] for entry in browser.get_log("browser")]
