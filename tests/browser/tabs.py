"""Tabs of a browser that one test after the other uses.

A new context with a page takes three times the processor time of loading a page anew:
it has a process of its own, and nothing in its cache.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

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
    document.documentElement?.remove();
    if (location.protocol !== "about:") { history.replaceState(null, "", "/left"); }
}"""
"""The end of a document: nothing goes on, nothing begins or moves; what is opened
next is another page, whatever it is. To leave for a blank one would take half as much
time as to load the next."""


LOOK: dict[str, Any] = {
    "viewport": {"width": 1280, "height": 720},
    "color_scheme": "light",
    "reduced_motion": "no-preference",
    "forced_colors": "none",
}
"""Options that a page has if no others are given, and can be given anew."""


class Tab:
    """A page, and what a test has made of it. It is spent, and not used again, if that
    cannot be undone."""

    def __init__(self, page: Page, look: dict[str, Any]) -> None:
        self.page = page
        self.is_spent = False
        self._look = look
        self._undo: list[Callable[[], None]] = []

    def on(self, event: Any, heard: Callable[[Any], None]) -> None:
        """Listen to an event of the page."""
        self.page.on(event, heard)
        self._undo.append(partial(self.page.remove_listener, event, heard))

    def run_first(self, script: str) -> None:
        """Run a script in each document before its own."""
        self._undo.append(self.page.add_init_script(script).close)

    def change(self, **look: Any) -> bool:
        """Show the page in another size, scheme and so on; see `LOOK`. Return whether
        that is any different."""
        before = {**self._look, "viewport": self.page.viewport_size}
        self._look = {**self._look, **look}
        if before == self._look:
            return False
        media = dict(self._look)
        self.page.set_viewport_size(media.pop("viewport"))
        self.page.emulate_media(**media)
        return True

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
        # Listeners first: what the page says to its end is not heard.
        while self._undo:
            self._undo.pop(0)()
        self.page.evaluate(END)
        self.page.unroute_all()
        self.page.context.clear_cookies()


class Tabs:
    """Tabs by the options of their contexts, for one test at a time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: defaultdict[str, list[Tab]] = defaultdict(list)

    @contextmanager
    def tab(self, **options: Any) -> Iterator[Tab]:
        """Open a tab of a context of its own, or one that is like it but for its look,
        which is changed."""
        look = {name: options.pop(name, usual) for name, usual in LOOK.items()}
        free = self._free[json.dumps(options, sort_keys=True)]
        tab = free.pop() if free else self._new(look, options)
        if tab.change(**look):
            # What the document before has to say to it is not heard by the next test.
            tab.page.evaluate("new Promise(requestAnimationFrame)")
        yield tab
        try:
            tab.clear()
        except Error:
            tab.is_spent = True
        if tab.is_spent:
            tab.page.context.close()
        else:
            free.append(tab)

    def _new(self, look: dict[str, Any], options: dict[str, Any]) -> Tab:
        return Tab(self._browser.new_context(**look, **options).new_page(), look)

    def close(self) -> None:
        """Close what is open and free."""
        for tabs in self._free.values():
            for tab in tabs:
                tab.page.context.close()
        self._free.clear()
