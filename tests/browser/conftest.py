"""A real browser for the pages, if there is one on this machine."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserType, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
WAIT_MS = 15_000
"""How long a page may take for what it shows; much longer than it does take."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, the system's own."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is missing")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        chromium = launch(playwright.chromium)
        yield chromium
        chromium.close()


def launch(chromium: BrowserType, arguments: Sequence[str] = ()) -> Browser:
    """Another one, with further arguments of the command line."""
    return chromium.launch(executable_path=str(CHROMIUM), args=[*ARGUMENTS, *arguments])
