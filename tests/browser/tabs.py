"""Tabs of a browser that one test after the other uses.

A new context with a page takes three times the processor time of loading a page anew:
it has a process of its own, and nothing in its cache.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

from playwright.sync_api import Browser, Error, Page

FORGET = """() => {
    try { localStorage.clear(); sessionStorage.clear(); } catch (refused) { }
}"""
END = """() => {
    const last = setTimeout(() => { });
    for (let timer = last; timer > 0 && timer > last - 10000; timer -= 1) {
        clearTimeout(timer);
    }
    window.setTimeout = window.setInterval = window.fetch = () => 0;
    XMLHttpRequest.prototype.send = () => { };
    stop();
    document.documentElement.remove();
    if (location.protocol !== "about:") { history.replaceState(null, "", "/left"); }
}"""
"""The end of a document: nothing goes on, nothing begins or moves; what is opened
next is another page, whatever it is. To leave for a blank one would take half as much
time as to load the next."""


class Tab:
    """A page, and what a test has made of it. It is spent, and not used again, if that
    cannot be undone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.is_spent = False
        self._size = page.viewport_size
        self._undo: list[Callable[[], None]] = []

    def on(self, event: Any, heard: Callable[[Any], None]) -> None:
        """Listen to an event of the page."""
        self.page.on(event, heard)
        self._undo.append(partial(self.page.remove_listener, event, heard))

    def run_first(self, script: str) -> None:
        """Run a script in each document before its own."""
        self._undo.append(self.page.add_init_script(script).close)

    def change_scheme(self, scheme: Literal["dark", "light"]) -> None:
        """Show a page of the light scheme in another one."""
        self.page.emulate_media(color_scheme=scheme)
        self._undo.append(partial(self.page.emulate_media, color_scheme="light"))

    def clear(self) -> None:
        """Make it a tab that nothing is known of. Its document stays, and does nothing;
        a clock that was installed stays, too, and may be installed again. Raises
        `Error` if it is closed."""
        for other in self.page.context.pages:
            if other != self.page:
                other.close()
        for frame in self.page.frames:
            if frame.url.startswith("http"):
                frame.evaluate(FORGET)
        self.page.evaluate(END)
        # Listeners first: what the page says to the rest is not heard.
        while self._undo:
            self._undo.pop(0)()
        self.page.unroute_all()
        if self._size and self.page.viewport_size != self._size:
            self.page.set_viewport_size(self._size)
        self.page.context.clear_cookies()


class Tabs:
    """Tabs by the options of their contexts, for one test at a time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: defaultdict[str, list[Tab]] = defaultdict(list)

    @contextmanager
    def tab(self, **options: Any) -> Iterator[Tab]:
        """Open a tab of a context of its own, or one that is like it."""
        free = self._free[json.dumps(options, sort_keys=True)]
        tab = (
            free.pop() if free else Tab(self._browser.new_context(**options).new_page())
        )
        yield tab
        try:
            tab.clear()
        except Error:
            tab.is_spent = True
        if tab.is_spent:
            tab.page.context.close()
        else:
            free.append(tab)

    def close(self) -> None:
        """Close what is open and free."""
        for tabs in self._free.values():
            for tab in tabs:
                tab.page.context.close()
        self._free.clear()
