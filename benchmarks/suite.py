"""The least programs that do what the tests do: what they cannot do without.

    python -m benchmarks.suite

Processor seconds, with those of all children: of empty tests, of a page in Chromium, of
a program that imports the daemon, and of requests between a client and a server within
one process. docs/benchmarks.md has how many of each `make test` needs.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import process_time
from typing import Any

import treq
from playwright.sync_api import sync_playwright
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.web.server import Site
from twisted.web.static import Data

from tests.browser.conftest import launch

FILES, TESTS = 100, 100
PAGES = 200
PROGRAMS = 10
REQUESTS = 5_000
PAGE = (
    "data:text/html,<!doctype html><button onclick=this.textContent+=1>Press</button>"
)


def cost(run: Callable[[], object]) -> float:
    """Return the processor seconds of a function, this process's and its children's."""
    before = _used()
    run()
    return _used() - before


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def empty_tests() -> None:
    """Run pytest as `make test` does, with the same plugins, on tests of nothing."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(FILES):
            lines = (
                f'def test_{each}():\n    """Nothing."""\n' for each in range(TESTS)
            )
            Path(folder, f"test_{number}.py").write_text("\n".join(lines))
        config = Path(__file__).parents[1] / "pyproject.toml"
        words = ["-q", "-c", str(config), "--rootdir", folder, folder]
        command = [sys.executable, "-m", "pytest", *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)


def pages() -> None:
    """Open a page of one button in the same tab, and press it."""
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        page = browser.new_page()
        for _ in range(PAGES):
            page.goto(PAGE)
            page.get_by_role("button").click()
        browser.close()


def programs() -> None:
    """Import what the daemon consists of."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    for _ in range(PROGRAMS):
        command = [sys.executable, "-c", "import pexschedd.tap"]
        subprocess.run(command, check=True, env=environment)


def requests() -> None:
    """Ask a server in the same process for a byte, one request after the other."""

    answered = 0

    async def ask(reactor: Any) -> None:
        nonlocal answered
        page: Any = Data(b"x", "text/plain")
        page.isLeaf = True
        port = reactor.listenTCP(0, Site(page), interface="127.0.0.1")
        url = f"http://127.0.0.1:{port.getHost().port}/"
        for _ in range(REQUESTS):
            answered += len(await treq.content(await treq.get(url)))
        await port.stopListening()

    with suppress(SystemExit):
        react(lambda reactor: Deferred.fromCoroutine(ask(reactor)))
    if answered != REQUESTS:
        raise RuntimeError("not all requests were answered")


def main() -> None:
    for what, count, run in (
        ("empty tests, a thousand", FILES * TESTS / 1000, empty_tests),
        ("pages of one button", PAGES, pages),
        ("programs that import the daemon", PROGRAMS, programs),
        ("requests within a process, a thousand", REQUESTS / 1000, requests),
    ):
        print(f"{what:<40} {cost(run) / count:8.3f} s each")


if __name__ == "__main__":
    main()
