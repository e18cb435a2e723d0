"""Administrators' HTML, made safe to show in the pane. Pure.

Elements that are not on an allow-list are dropped, their text stays. The result is
written anew from the parsed input, so that none of it reaches the page unescaped.
"""

import re
from functools import lru_cache
from html import escape
from html.parser import HTMLParser

_EMPTY = frozenset({"br"})
_ALLOWED = frozenset({"p", "br", "b", "i", "a", "ul", "ol", "li"})
_SAME = {"strong": "b", "em": "i"}
_UNSEEN = frozenset({"script", "style", "title", "template", "noscript"})
_LINK = re.compile(r"(?:https://|mailto:)[\x21-\x7e]+", re.IGNORECASE)


@lru_cache(maxsize=1024)
def sanitise(html: str) -> str:
    """Return `html` reduced to p, br, b, i, ul, ol, li, and a with an https or mailto
    link."""
    writer = _Writer()
    try:
        writer.feed(html)
        writer.close()
    except AssertionError:  # how HTMLParser says that a declaration makes no sense
        return escape(html)
    return writer.result()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._open: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = _SAME.get(tag, tag)
        if tag in _UNSEEN:
            self._unseen += 1
        if self._unseen or tag not in _ALLOWED:
            return
        if tag == "a":
            href = next((v or "" for k, v in attrs if k == "href"), "").strip()
            if not _LINK.fullmatch(href):
                return
            self._out.append(
                f'<a href="{escape(href)}" target="_blank" rel="noopener noreferrer">'
            )
        else:
            self._out.append(f"<{tag}>")
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNSEEN:  # HTML has no such thing as <script/>
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        tag = _SAME.get(tag, tag)
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in self._open:
            while self._close() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._out.append(escape(data))

    def _close(self) -> str:
        tag = self._open.pop()
        self._out.append(f"</{tag}>")
        return tag

    def result(self) -> str:
        while self._open:
            self._close()
        return "".join(self._out)
