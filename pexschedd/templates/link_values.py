"""Aliases in the links of texts that templates make, percent-encoded where they have to
be. Pure.

Templates put an alias into a link as it is, such as `?conference={{alias}}`, and most
aliases can stand there. By the place in which one stands:

=============================  ===========================================  ============
after `name=` in an http link  the web app decodes it as a form: `+` would  `+` -> `%2B`
                               be a space (URL standard, 5.1)
after `/` in an http link      `+` is a character of a path (RFC 3986, 3.3)  `+` stays
`sip:`, `sips:`                `+` is one of the user part, and `%2B` would  `+` stays
                               be another user (RFC 3261, 19.1.4, 25.1)
`tel:`                         `+` begins a global number, and must not be   all stays
                               encoded (RFC 3966, 3 and 5.1.4)
anywhere else                  it is text, or a link of an app's own         all stays
=============================  ===========================================  ============

Other characters, which only personal rooms' aliases have, are encoded in the first
three where they would end that part of the link.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import escape

_LONGEST = 2_000
"""Characters of a link before the alias in it."""
_ALWAYS_FINE = re.compile(r"[0-9A-Za-z._~@:!*,-]*")
_AROUND = " \t\r\n\"'<>"
"""The characters of which one stands before a link, and none in it."""


class _Place(NamedTuple):
    before: str
    """The text that stands directly before the alias."""
    safe: str
    """The characters that stay as they are, besides letters, digits and `-._~`."""
    is_here: Callable[[str], bool]
    """Tells by the link's text up to the alias, without what stands around it, whether
    this is such a place."""


def _in_query(before: str) -> bool:
    link = _http_link(before)
    return "?" in link


def _in_path(before: str) -> bool:
    link = _http_link(before)
    return "?" not in link and link.count("/") > 2


def _in_sip(before: str) -> bool:
    return before.lower().endswith(("sip:", "sips:")) and not _http_link(before)


def _http_link(before: str) -> str:
    """The http link that a text ends in; empty if it ends in none."""
    lower = before.lower()
    begin = max(lower.rfind("http://"), lower.rfind("https://"))
    return before[begin:] if begin >= 0 else ""


_PLACES = (
    _Place("=", "@:/!$*,", _in_query),
    _Place("/", "@:!$*,+=", _in_path),
    _Place(":", "@:!*'()&=+$,;?/", _in_sip),
)


def with_encoded_links(text: str, aliases: Iterable[str], *, html: bool) -> str:
    """Return a text in whose links the aliases are encoded as they have to be.

    html: the text is HTML, so the aliases are escaped in it.
    """
    # An alias may begin another one.
    odd = {each for each in aliases if not _ALWAYS_FINE.fullmatch(each)}
    for alias in sorted(odd, key=len, reverse=True):
        for place in _PLACES:
            encoded = quote(alias, safe=place.safe)
            if encoded != alias:
                old, new = (
                    (_escaped(alias), _escaped(encoded)) if html else (alias, encoded)
                )
                text = _replaced(text, place, old, new)
    return text


def _escaped(text: str) -> str:
    return str(escape(text))


def _replaced(text: str, place: _Place, old: str, new: str) -> str:
    pieces = []
    done = 0
    while (found := text.find(place.before + old, done)) >= 0:
        begin = found + len(place.before)
        before = text[max(done, begin - _LONGEST) : begin]
        link = before[max(map(before.rfind, _AROUND)) + 1 :]
        pieces.append(text[done:begin])
        done = begin
        if place.is_here(link):
            pieces.append(new)
            done += len(old)
    pieces.append(text[done:])
    return "".join(pieces)
