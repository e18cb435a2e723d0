"""A real browser for the pages, if there is one on this machine."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType, expect, sync_playwright

from tests.browser.admin_world import installation_at_work
from tests.browser.in_page import WAIT_MS
from tests.browser.pane_page import Open, Pane
from tests.browser.tabs import Tabs
from tests.system.system_support import World

HERE = Path(__file__).parent
CHROMIUMS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
"""The same engine, without and with windows, profiles and extensions, which nobody sees
here and which take more time than the pages."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # Drawing and the network without processes of their own: an eighth of the
    # processor time. The first of the features is playwright's, which this replaces.
    "--in-process-gpu",
    "--enable-features=CDPScreenshotNewSurface,NetworkServiceInProcess2",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, the system's own."""
    if not any(chromium.exists() for chromium in CHROMIUMS):
        pytest.skip(f"no browser: {CHROMIUMS[0]} is missing")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        chromium = launch(playwright.chromium)
        yield chromium
        chromium.close()


def launch(chromium: BrowserType, arguments: Sequence[str] = ()) -> Browser:
    """Another one, with further arguments of the command line."""
    found = next(chromium for chromium in CHROMIUMS if chromium.exists())
    return chromium.launch(executable_path=str(found), args=[*ARGUMENTS, *arguments])


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `pane_server.py` serves."""
    with subprocess.Popen(
        [
            sys.executable,
            str(HERE / "pane_server.py"),
            str(tmp_path_factory.mktemp("pane")),
        ],
        cwd=HERE.parents[1],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


@pytest.fixture(scope="session")
def admin_world(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A daemon with much to show on the administrator's page; see its module."""
    with installation_at_work(tmp_path_factory.mktemp("admin")) as world:
        yield world


@pytest.fixture(scope="session")
def tabs(browser: Browser) -> Iterator[Tabs]:
    """Tabs that the tests use one after the other."""
    tabs = Tabs(browser)
    yield tabs
    tabs.close()


@pytest.fixture
def open_pane(tabs: Tabs, origin: str) -> Iterator[Open]:
    """Opens the pane of an integration with a meeting; nothing may break the policy.

    `answers` are the server's by route, see `Pane.answer`; `impatient` lets time pass
    fifty times as fast for the pane.
    """
    panes: list[Pane] = []

    def opened(
        integration: int = 1,
        page: dict[str, Any] | None = None,
        answers: dict[str, Any] | None = None,
        *,
        impatient: bool = False,
        **outlook: Any,
    ) -> Pane:
        options = {"viewport": {"width": 320, "height": 560}, **(page or {})}
        pane = Pane(lent.enter_context(tabs.tab(**options)), origin)
        panes.append(pane)
        pane.tab.run_first(f"window.outlook = {json.dumps(outlook)};")
        if impatient:
            pane.tab.run_first(shorter_patience(50))
        for path, result in (answers or {}).items():
            pane.answer(path, *(result if isinstance(result, list) else [result]))
        pane.page.goto(
            f"{origin}/api/client/v2/msexchange_schedulers/{integration}/addin?m=1"
        )
        return pane

    with ExitStack() as lent:
        yield opened
        for pane in panes:
            pane.forget_answers()
        assert [pane for pane in panes if pane.page.title() == "broken"] == []
    assert [pane.refused for pane in panes] == [[] for _ in panes]


def shorter_patience(times: int) -> str:
    """A script by which a page waits that many times shorter, for whatever it does."""
    return f"""(() => {{
  const [later, often] = [window.setTimeout, window.setInterval];
  window.setTimeout = (act, ms, ...more) => later(act, ms / {times}, ...more);
  window.setInterval = (act, ms, ...more) => often(act, ms / {times}, ...more);
  const timeout = Object.getOwnPropertyDescriptor(XMLHttpRequest.prototype, "timeout");
  Object.defineProperty(XMLHttpRequest.prototype, "timeout",
    {{ set(patience) {{ timeout.set.call(this, patience / {times}); }} }});
}})();"""
