"""Administrators' HTML, made safe to show in the pane. Pure.

Elements and attributes that are not on a list are dropped, their text stays. The result
is written anew from the parsed input, so that none of it reaches the page unescaped,
and it is well nested. The pane's policy forbids style attributes: safe styles are in an
attribute `data-style`, which `web/static/pane-styles.js` puts into effect.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import escape
from html.parser import HTMLParser

import msgspec

from pexschedd.web.addin.inline_styles import (
    USUAL_SIZE,
    is_colour,
    is_readable,
    pixels_within,
    safe_style,
)

MOST_NAMED = 10
"""Removed things that are named one by one."""

MOST_NESTED = 32
"""Elements within each other; what is deeper loses its tags."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EMPTY = _names("br hr")
_INLINE = _names("span font b i u s strike strong em small big sub sup code br")
_HEADINGS = _names("h1 h2 h3 h4 h5 h6")
_BLOCKS = _HEADINGS | _names("p div center blockquote pre ul ol dl table hr address")
_ITEMS = _names("li dt dd")
_CELLS = _names("td th")
_GROUPS = _names("thead tbody tfoot")
_TABLE_PARTS = _CELLS | _GROUPS | {"tr", "caption"}
_ALLOWED = _INLINE | _BLOCKS | _ITEMS | _TABLE_PARTS | {"a"}
_APART = (_ALLOWED - _INLINE - {"a"}) | {"br"}
"""Elements between which words are apart."""

_UNSEEN = _names(
    "script style title template noscript iframe object applet svg math textarea "
    "select audio video canvas xmp noembed noframes plaintext"
)
"""Elements that are dropped with what is in them."""

_CLOSES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_BLOCKS, frozenset({"p"})),
    **dict.fromkeys(_HEADINGS, frozenset({"p"}) | _HEADINGS),
    "li": frozenset({"li", "p"}),
    **dict.fromkeys(("dt", "dd"), frozenset({"dt", "dd", "p"})),
    **dict.fromkeys(_CELLS, _CELLS | {"caption"}),
    "tr": _CELLS | {"tr", "caption"},
    **dict.fromkeys(_GROUPS, _CELLS | _GROUPS | {"tr", "caption"}),
    "caption": _CELLS | _GROUPS | {"tr", "caption"},
    "a": frozenset({"a"}),
}
"""The open elements that an element ends, as browsers have it."""

_KEEPS: Mapping[str, frozenset[str]] = {
    "li": frozenset({"ul", "ol", "table"}) | _CELLS,
    **dict.fromkeys(("dt", "dd"), frozenset({"dl", "table"}) | _CELLS),
    **dict.fromkeys(_TABLE_PARTS, frozenset({"table"})),
}
"""The open elements beyond which an element ends none."""

_LINK = re.compile(r"(?:https://|mailto:)[\x21-\x7e]+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ALIGN = "left|right|center|justify"
_ATTRIBUTES: Mapping[str, str] = {
    "dir": "ltr|rtl|auto",
    "lang": r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}",
    "font face": r"[\w ,'-]{1,100}",
    "font size": "[+-]?[1-7]",
    **{f"{tag} align": _ALIGN for tag in _BLOCKS | _TABLE_PARTS},
    **{f"{tag} valign": "top|middle|bottom|baseline" for tag in _TABLE_PARTS},
    **{f"{tag} width": r"[1-9][0-9]{0,2}%?" for tag in _CELLS | {"table"}},
    **{
        f"{tag} {span}": r"[1-9][0-9]?"
        for tag in _CELLS
        for span in ("colspan", "rowspan")
    },
    "th scope": "col|row",
    "table border": r"[0-9]{1,2}",
    "table cellpadding": r"[0-9]{1,2}",
    "table cellspacing": r"[0-9]{1,2}",
    "ol start": r"[0-9]{1,4}",
    "ol type": "[1aAiI]",
    "ul type": "disc|circle|square",
}
"""The values of attributes: of all elements, or of one."""

_COLOURED = frozenset(
    {"font color", *(f"{tag} bgcolor" for tag in _TABLE_PARTS | {"table"})}
)
_OURS = frozenset({"a target", "a rel"})


class Sanitised(msgspec.Struct, frozen=True):
    """An administrator's text, as the pane has it."""

    html: str
    removed: tuple[str, ...]
    """Descriptions of what is not in it any more, such as `<script>`."""


def sanitise(html: str) -> str:
    """Return the safe part of a text of any shape: paragraphs, lists, tables, links."""
    return sanitised(html).html


def sanitise_inline(html: str) -> str:
    """Return the safe part of a text for a button or a heading: no blocks, no links."""
    return sanitised(html, inline=True).html


def is_inline(field: str) -> bool:
    """Return whether an integration's text of the pane is its title or on a button, by
    the name of its field."""
    return field.endswith(("_title", "_button"))


def pane_html(field: str, html: str) -> Sanitised:
    """Return an integration's text of the pane as the pane has it."""
    return sanitised(html, inline=is_inline(field))


def text_of(html: str) -> str:
    """Return the bare text, for where markup would be shown, such as a page's title."""
    return _read(html, frozenset()).text()


@lru_cache(maxsize=1024)
def sanitised(html: str, *, inline: bool = False) -> Sanitised:
    """Return the safe part of a text, and what had to be removed from it."""
    writer = _read(html, _INLINE if inline else _ALLOWED)
    return Sanitised(writer.result(), writer.removed())


def _read(html: str, allowed: frozenset[str]) -> "_Writer":
    writer = _Writer(allowed)
    try:
        writer.feed(html)
        writer.close()
    except AssertionError:  # how HTMLParser says that a declaration makes no sense
        writer = _Writer(allowed)
        writer.handle_data(html)
    return writer


class _Writer(HTMLParser):
    def __init__(self, allowed: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._allowed = allowed
        self._out: list[str] = []
        self._text: list[str] = []
        self._open: list[str] = []
        self._sizes: list[float] = []
        """The font sizes within them, in pixels."""
        self._unseen: list[str] = []
        self._removed: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._text.append(" " if tag in _APART else "")
        if self._unseen or tag in _UNSEEN or not self._is_wanted(tag):
            if not self._unseen:
                self._remove(f"<{tag}>")
            if tag in _UNSEEN:
                self._unseen.append(tag)
            return
        self._close_before(tag)
        attributes = dict(self._attributes(tag, attrs))
        if tag == "a" and "href" not in attributes:
            return
        size = pixels_within(tag, attributes, self._size())
        if not is_readable(size):
            self._remove(f"<{tag}>, which makes the text too small or too large")
            return
        written = "".join(
            f' {name}="{escape(value)}"' for name, value in attributes.items()
        )
        self._out.append(f"<{tag}{written}>")
        if tag not in _EMPTY:
            self._open.append(tag)
            self._sizes.append(size)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:  # HTML has no such thing as <script/>
            self._remove(f"<{tag}>")
            return
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            while self._unseen.pop() != tag:
                pass
        elif not self._unseen and tag in self._open:
            while self._close() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            shown = _CONTROL.sub("", data)
            self._text.append(shown)
            self._out.append(escape(shown))

    def result(self) -> str:
        while self._open:
            self._close()
        return "".join(self._out)

    def text(self) -> str:
        return " ".join("".join(self._text).split())

    def removed(self) -> tuple[str, ...]:
        return tuple(self._removed)[:MOST_NAMED]

    def _is_wanted(self, tag: str) -> bool:
        if tag not in self._allowed or len(self._open) >= MOST_NESTED:
            return False
        return tag not in _TABLE_PARTS or "table" in self._open

    def _attributes(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> Iterator[tuple[str, str]]:
        given: dict[str, str] = {}
        for name, value in attrs:
            # Browsers take the first of several.
            given.setdefault("style" if name == "data-style" else name, value or "")
        for name, value in given.items():
            value = value.strip()
            if name == "style":
                style = safe_style(value, self._size())
                for each in style.removed:
                    self._remove(f"style {each}")
                if style.text:
                    yield "data-style", style.text
            elif tag == "a" and name == "href":
                if _LINK.fullmatch(value):
                    yield from (("href", value), ("target", "_blank"))
                    yield "rel", "noopener noreferrer"
                else:
                    self._remove("a link that is neither https nor mailto")
            elif _is_safe(tag, name, value):
                yield name, value
            elif f"{tag} {name}" not in _OURS:
                self._remove(f"{name} of <{tag}>")
        if tag == "a" and "href" not in given:
            self._remove("<a> without a link")

    def _size(self) -> float:
        return self._sizes[-1] if self._sizes else USUAL_SIZE

    def _close_before(self, tag: str) -> None:
        """Close the elements that end where `tag` begins."""
        ended = _CLOSES.get(tag, frozenset())
        keeps = _KEEPS.get(tag, _CELLS | {"table"})
        last = None
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index] in keeps:
                break
            if self._open[index] in ended:
                last = index
        while last is not None and len(self._open) > last:
            self._close()

    def _close(self) -> str:
        tag = self._open.pop()
        self._sizes.pop()
        self._out.append(f"</{tag}>")
        return tag

    def _remove(self, what: str) -> None:
        if len(self._removed) < MOST_NAMED:
            name = "".join(c for c in what if c.isascii() and c.isprintable())
            self._removed[name[:60]] = None


def _is_safe(tag: str, name: str, value: str) -> bool:
    if f"{tag} {name}" in _COLOURED:
        return is_colour(value) and "(" not in value
    pattern = _ATTRIBUTES.get(f"{tag} {name}") or _ATTRIBUTES.get(name)
    return pattern is not None and re.fullmatch(pattern, value) is not None
