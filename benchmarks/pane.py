"""The costs of the pane: bytes to transfer, processor time until it can be used.

    python -m benchmarks.pane

Headless Chromium opens the pane again and again, each time with empty caches, beside
the pretended Outlook of the tests, whose bytes are not counted. The time is that of the
page's main thread on the processor, not the clock's, from the address being opened
until the button can be pressed. Beside it stands a page with nothing on it: what
starting costs.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.__main__ import ADDIN, row

CHROMIUM = Path("/usr/bin/chromium")
SERVER = Path(__file__).parents[1] / "tests/browser/pane_server.py"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
ROUNDS = 9
LANGUAGES = ("en-US", "de-DE", "ar-SA")
GOAL_KB = 40
GOAL_MS = 300
POLL_MS = 50
"""Between looks at the button; a look at each frame would cost more than the pane."""
USABLE = """() => {
  const button = document.querySelector("#action:not([aria-disabled=true])");
  return button !== null && pexschedd.view.settled();
}"""


class Transfer:
    """The bytes that a page has had sent, and how many they unpack to."""

    def __init__(self, session: CDPSession) -> None:
        self.sent = self.unpacked = 0
        self._ours: set[str] = set()
        session.on("Network.responseReceived", self._received)
        session.on("Network.dataReceived", self._data)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _received(self, event: dict[str, Any]) -> None:
        if "/api/client/" in event["response"]["url"]:  # not Office.js
            self._ours.add(event["requestId"])

    def _data(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self._ours:
            self.unpacked += event["dataLength"]

    def _finished(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self._ours:
            self.sent += event["encodedDataLength"]


def opened(
    browser: Browser, address: str, language: str = "", usable: str = "true"
) -> dict[str, float]:
    """Opens a page once with empty caches; gives kilobytes and milliseconds."""
    context = browser.new_context(viewport={"width": 320, "height": 560})
    try:
        page = context.new_page()
        page.add_init_script(f"window.outlook = {{language: '{language}'}};")
        return _measured(page, address, usable)
    finally:
        context.close()


def _measured(page: Page, address: str, usable: str) -> dict[str, float]:
    session = page.context.new_cdp_session(page)
    transfer = Transfer(session)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(address)
    page.wait_for_function(usable, polling=POLL_MS)
    metrics = session.send("Performance.getMetrics")["metrics"]
    seconds = {metric["name"]: metric["value"] for metric in metrics}
    return {
        "sent": transfer.sent / 1024,
        "unpacked": transfer.unpacked / 1024,
        "thread": seconds["TaskDuration"] * 1e3,
        "script": seconds["ScriptDuration"] * 1e3,
        "layout": (seconds["LayoutDuration"] + seconds["RecalcStyleDuration"]) * 1e3,
    }


def compare(browser: Browser, origin: str, language: str) -> None:
    """Measures the pane and an empty page, in turns."""
    panes, empty = [], []
    for _ in range(ROUNDS):
        empty.append(opened(browser, f"{origin}/nothing")["thread"])
        address = f"{origin}{ADDIN}/addin?m=1"
        panes.append(opened(browser, address, language, USABLE))
    middle = {name: median(pane[name] for pane in panes) for name in panes[0]}
    row(
        f"pane, {language}: bytes sent",
        f"{middle['sent']:.1f} KB",
        goal=f"<= {GOAL_KB} KB",
    )
    row("  unpacked", f"{middle['unpacked']:.1f} KB")
    row(
        "  main thread until usable",
        f"{middle['thread']:.0f} ms",
        f"{median(empty):.0f} ms",
        goal=f"<= {GOAL_MS} ms",
    )
    row(
        "  of it scripts; style and layout",
        f"{middle['script']:.0f}; {middle['layout']:.0f} ms",
    )


@contextmanager
def pane_server() -> Iterator[str]:
    """Runs the server of the browser tests; gives its origin."""
    with (
        tempfile.TemporaryDirectory(prefix="pexschedd-bench-") as state,
        subprocess.Popen(
            [sys.executable, str(SERVER), state], stdout=subprocess.PIPE, text=True
        ) as server,
    ):
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def main() -> None:
    if not CHROMIUM.exists():
        print(f"the pane is not measured: {CHROMIUM} is missing")
        return
    with pane_server() as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=ARGUMENTS
        )
        row("", "measured", "empty page", "", "goal")
        for language in LANGUAGES:
            compare(browser, origin, language)
        browser.close()


if __name__ == "__main__":
    main()
