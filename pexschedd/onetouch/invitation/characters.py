"""Characters as rules search them: one kind of blank, hyphen, colon, digit. Pure."""

import re
import unicodedata
from typing import Final

from pexschedd.onetouch.links.finding import MARK

_BLANKS = (0x09, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_LINE_ENDS = (0x0B, 0x0C, 0x85, 0x2028, 0x2029)
_HYPHENS = (*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63)
_UNSEEN = (
    *(0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF, ord(MARK)),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10),
)
_DIGITS = {
    code: str(unicodedata.decimal(chr(code)))
    for code in range(0x80, 0x20000)
    if unicodedata.category(chr(code)) == "Nd"
}


def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = dict.fromkeys(range(32))
    table |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= _DIGITS
    table |= dict.fromkeys(_BLANKS, " ") | dict.fromkeys(_HYPHENS, "-")
    table |= dict.fromkeys(_UNSEEN) | dict.fromkeys(range(0x7F, 0xA0))
    table |= dict.fromkeys(_LINE_ENDS, "\n") | {10: "\n"}
    table |= dict.fromkeys(range(0xD800, 0xE000))
    return table


_TABLE: Final = _table()
_MARKS = re.compile(rf"[{MARK}\x02\x03]")
_BUT_MARKS: Final = {c: n for c, n in _TABLE.items() if not _MARKS.match(chr(c))}
_JOINERS = "\u200c\u200d"
"""Not seen themselves, but without them Persian words and pictures fall apart."""
_MISLEADING: Final = dict.fromkeys(
    code
    for code, new in _TABLE.items()
    if new is None and chr(code) not in _JOINERS and code not in range(0xFE00, 0xFE10)
)
_CONTROLS: Final = {code: new for code, new in _TABLE.items() if code < 0x80}


def normalised(text: str) -> str:
    """Return a text without what nobody sees, full-width and other scripts' digits
    replaced by ASCII's, and lines that end in LF."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # A table of ASCII only is applied at several times the speed.
    return text.translate(_CONTROLS if text.isascii() else _TABLE)


def normalised_but_marks(text: str) -> str:
    """Return the same with the marks left in that stand for links and quotes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_BUT_MARKS)


def without_marks(text: str) -> str:
    """Return a text without such marks."""
    return _MARKS.sub("", text) if _MARKS.search(text) else text


def one_line(text: str, longest: int) -> str:
    """Return a text on one line, cut to a length, for people to read."""
    return " ".join(normalised(text[: 4 * longest]).split())[:longest]


def readable_line(text: str, longest: int) -> str:
    """Return a text on one line, cut to a length, for a screen: letters and digits as
    they are written, nothing that hides or turns what stands beside it."""
    words = " ".join(text[: 4 * longest].split()).translate(_MISLEADING).split()
    return " ".join(words)[:longest].strip(_JOINERS)
