"""Links in a text: found, mended where a mailer broke them, and taken out. Pure.

What is left has `MARK` in the place of each link, so that digits and addresses within
links are not taken for those of the text.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pexschedd.onetouch.links.web_link import LONGEST

MARK = "\ufffc"
"""Stands for a link. No text has it before: `normalised` drops it."""

MOST_LINKS = 1_000
"""Links of one text that are read, from its beginning."""
_MOST_LINES = 4
"""Lines that one link goes over."""
_WRAPPED_AT = range(60, 81)
"""Lengths of lines whose end may be a mailer's doing."""

_IN_LINK = r"!#-;=?-_a-z{|}~"
_LINK = re.compile(
    rf"{MARK}"
    r"|<mailto:(?P<address>[^<>\s?]{0,320})[^<>\n]{0,320}>"
    r"|(?<![A-Za-z0-9+.-])(?!(?i:sips?|h323|tel|mailto):)[A-Za-z][A-Za-z0-9+.-]{1,15}://"
    rf"[{_IN_LINK}]+"
    r"|(?<![\w@./:%=+-])(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,18}(?::[0-9]{1,5})?/"
    rf"[{_IN_LINK}]+"
)
_HINT = re.compile(rf"[/{MARK}]|<mailto:")
_BLANK = re.compile(r"[ \n]")
_CONTINUED = re.compile(
    rf"\n(?:>[ ]?){{0,10}}[ ]{{0,4}}([{_IN_LINK}]+)(?:(>)|(?=[ ]?(?:\n|$)))"
)
_ADDED = ".,;:!?'\""
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_EMPHASIS = "*_~|"


class WrittenLink(NamedTuple):
    """A link as it is written in an invitation."""

    url: str
    shown: str = ""
    """The words of an HTML link, if they look like an address themselves."""


class LinkedText(NamedTuple):
    """A text with `MARK` for each link, and the links in the same order."""

    text: str
    links: tuple[WrittenLink, ...] = ()


def take_links(text: str, anchors: Sequence[WrittenLink] = ()) -> LinkedText:
    """Find the links of a normalised text, in which `MARK` stands for the links of
    `anchors` already. Takes time in proportion to the text."""
    out: list[str] = []
    links: list[WrittenLink] = []
    known = iter(anchors)
    position = 0
    candidates = _Candidates(text)
    while len(links) < MOST_LINKS and (match := candidates.after(position)) is not None:
        start, end = match.span()
        before = text[position:start]
        if match["address"] is not None:
            out.append(before)
            if not before[-330:].lower().rstrip().endswith(match["address"].lower()):
                out.append(" " + match["address"])
            position = end
            continue
        if match[0] == MARK:
            link: WrittenLink | None = next(known, None)
        else:
            url, end = _whole(text, start, end)
            link = WrittenLink(url) if len(url) <= LONGEST else None
            if before[-1:] == "<" and text[end : end + 1] == ">":
                before, end = before[:-1], end + 1
        out.append(before)
        if link is not None:
            links.append(link)
            out.append(MARK)
        position = end
    out.append(text[position:].replace(MARK, ""))
    return LinkedText("".join(out), tuple(links))


class _Candidates:
    """The links of a text as they stand. Most words need not be looked at: they have
    no slash."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._word_end = 0

    def after(self, position: int) -> re.Match[str] | None:
        """Return the first one from a position on, which never goes back."""
        text = self._text
        while (hint := _HINT.search(text, position)) is not None:
            if hint.start() >= self._word_end:
                blank = _BLANK.search(text, hint.end())
                self._word_end = len(text) if blank is None else blank.start()
            begin = max(
                position,
                text.rfind(" ", position, hint.start()) + 1,
                text.rfind("\n", position, hint.start()) + 1,
            )
            match = _LINK.search(text, begin, self._word_end)
            if match is not None:
                return match
            position = self._word_end
        return None


def _whole(text: str, start: int, end: int) -> tuple[str, int]:
    """The link that begins here, over line ends if it has been wrapped, and its end."""
    url = text[start:end]
    in_brackets = text[start - 1 : start] == "<"
    if in_brackets:
        pieces, at = [url], end
        for piece, after, closed in _continuations(text, end):
            pieces.append(piece)
            at = after
            if closed:
                return "".join(pieces), at
    line_start = text.rfind("\n", max(0, start - 200), start) + 1
    for piece, after, closed in _continuations(text, end):
        is_wrapped = end - line_start in _WRAPPED_AT
        if closed or not (is_wrapped and _goes_on(piece) and not _is_ended(url)):
            break
        url, end, line_start = url + piece, after, after - len(piece)
    trimmed = _trimmed(url, text[start - 1 : start])
    return trimmed, end - (len(url) - len(trimmed))


def _continuations(text: str, end: int) -> Iterator[tuple[str, int, bool]]:
    """Yield what the next lines begin with if a link may go on there: the piece, its
    end, and whether a bracket closes after it."""
    for _ in range(_MOST_LINES - 1):
        match = _CONTINUED.match(text, end)
        if match is None or "://" in match[1]:
            return
        yield match[1], match.end(1), bool(match[2])
        end = match.end(1)


def _goes_on(piece: str) -> bool:
    """Return whether a line looks like the rest of a link, not like a word, an address
    or a telephone's number."""
    if piece[0] == "+" or piece[-1] in ":;," or "@" in piece or ",," in piece:
        return False
    return re.search(r"[0-9%=&?/_]", piece) is not None


def _is_ended(url: str) -> bool:
    return url[-1] in _ADDED or ("urldefense" in url and url[-1] == "$")


def _trimmed(url: str, before: str) -> str:
    """A link without the punctuation of the sentence that it stands in."""
    surplus = {end: url.count(end) - url.count(_BRACKETS[end]) for end in _BRACKETS}
    size = len(url)
    while size:
        last = url[size - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif not (last in _ADDED or (last in _EMPHASIS and last == before)):
            break
        size -= 1
    return url[:size]
