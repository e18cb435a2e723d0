"""The text of an invitation in HTML: its lines, its links, and what it hides. Pure.

The division into texts and tags is that of `bodies.markup_cuts`: one pass, in
proportion to the source, whatever is in it.
"""

import re
from typing import NamedTuple

from pexschedd.bodies.markup_cuts import Piece, pieces_of
from pexschedd.bodies.visible_text import resolve_references
from pexschedd.onetouch.invitation.characters import (
    normalised,
    normalised_but_marks,
    without_marks,
)
from pexschedd.onetouch.invitation.history import QUOTE_BEGINS, QUOTE_ENDS
from pexschedd.onetouch.links.finding import (
    MARK,
    LinkedText,
    WrittenLink,
    take_links,
)
from pexschedd.onetouch.links.unwrap import unwrap

_LINES = frozenset(
    "address article aside blockquote body br caption center dd div dl dt fieldset "  # noqa: SIM905 - so many are read as words
    "figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table "
    "tr ul".split()
)
_CELLS = frozenset({"td", "th"})
_ALONE = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # noqa: SIM905 - as above
)
_ATTRIBUTE = re.compile(
    r"""\s(href|originalsrc|style|class|type|hidden)"""
    r"""(?:\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""",
    re.IGNORECASE,
)
_HIDES = re.compile(
    r"display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden"
    r"|mso-hide\s{0,9}:\s{0,9}all"
    r"|(?<![\w-])opacity\s{0,9}:\s{0,9}0(?:\.0{1,9})?(?![.0-9])",
    re.IGNORECASE,
)
_CLIPS = re.compile(r"overflow\s{0,9}:\s{0,9}hidden", re.IGNORECASE)
_HAS_NO_SIZE = re.compile(
    r"(?<![\w-])(?:max-)?(?:height|width)\s{0,9}:\s{0,9}0(?![.0-9])", re.IGNORECASE
)
_MATTERS = re.compile(r"none|hidden|mso-hide|opacity|quote|cite", re.IGNORECASE)
"""Without any of these words, a tag is as good as without attributes."""
_QUOTES = re.compile(r"\b(?:gmail_quote|moz-cite|yahoo_quoted|protonmail_quote)\b")
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_REFERENCE = re.compile(
    r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE
)
_NOT_LINKS = re.compile(r"(sips?|h323|tel|mailto):(?!//)", re.IGNORECASE)
_LOOKS_LIKE_LINK = re.compile(
    r"[a-z][a-z0-9+.-]{1,15}://\S+|www\.\S+|(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,18}/\S*",
    re.IGNORECASE,
)
_LONGEST_SHOWN = 2_048


class HtmlText(NamedTuple):
    """The two texts of a body."""

    shown: LinkedText
    hidden: LinkedText
    """Text that people do not see, such as a block for machines."""


def read_html(source: str) -> HtmlText:
    """Return the texts of HTML; never fails."""
    reader = _Reader(source)
    for piece in pieces_of(source):
        reader.read(piece)
    reader.end_link()
    return HtmlText(reader.shown.result(), reader.hidden.result())


class _Text:
    """A text that is being put together."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.links: list[WrittenLink] = []

    def result(self) -> LinkedText:
        # Marks were taken out of the texts, so all of them are ours.
        return take_links(normalised_but_marks("".join(self.out)), self.links)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self.shown, self.hidden = _Text(), _Text()
        self._at = self.shown
        self._hiding, self._depth = "", 0  # the element that hides, and those within
        self._quotes: list[tuple[str, int]] = []  # elements that quote, as above
        self._preformatted = 0
        self._target: str | None = None
        self._begin = 0  # of the link's words among what is put out

    def read(self, piece: Piece) -> None:
        start, end, name = piece
        if not name:
            self._add_text(self._source[start:end])
        elif name[0] == "/":
            self._close(name[1:])
        elif name != "!":
            self._open(name, self._source[start:end])

    def _add_text(self, text: str) -> None:
        if not self._preformatted:
            text = _BLANKS.sub(" ", text)
        if "&" in text:
            text = resolve_references(text)
        self._at.out.append(without_marks(text))

    def _open(self, name: str, tag: str) -> None:
        is_link = name in ("a", "area")
        found = _attributes(tag) if is_link or _MATTERS.search(tag) else {}
        if self._hiding:
            self._depth += name == self._hiding
        elif name not in _ALONE and _is_hidden(found):
            self.end_link()
            self._hiding, self._depth, self._at = name, 1, self.hidden
        if name in _LINES:
            self._at.out.append("\n")
        elif name in _CELLS:
            self._at.out.append(" ")
        if name == "pre":
            self._preformatted += 1
        if not self._hiding:
            self._quote(name, found)
        if is_link:
            self.end_link()
            if "href" in found:
                self._target = _target(found)
                self._begin = len(self._at.out)
            if name == "area":
                self.end_link()

    def _quote(self, name: str, found: dict[str, str]) -> None:
        if self._quotes and self._quotes[-1][0] == name:
            element, depth = self._quotes.pop()
            self._quotes.append((element, depth + 1))
        is_cited = name == "blockquote" and found.get("type", "").lower() == "cite"
        if name not in _ALONE and (is_cited or _QUOTES.search(found.get("class", ""))):
            self._quotes.append((name, 1))
            self._at.out.append(QUOTE_BEGINS)

    def _close(self, name: str) -> None:
        if name == "a":
            self.end_link()
        if name in _LINES:
            self._at.out.append("\n")
        if name == "pre" and self._preformatted:
            self._preformatted -= 1
        if self._hiding == name:
            self._depth -= 1
            if not self._depth:
                self.end_link()
                self._hiding, self._at = "", self.shown
        elif not self._hiding and self._quotes and self._quotes[-1][0] == name:
            element, depth = self._quotes.pop()
            if depth > 1:
                self._quotes.append((element, depth - 1))
            else:
                self._at.out.append(QUOTE_ENDS)

    def end_link(self) -> None:
        """End the link that is open, if one is."""
        target, self._target = self._target, None
        if target is None:
            return
        at = self._at
        words = "".join(at.out[self._begin :]).strip()
        if scheme := _NOT_LINKS.match(target):
            written = target[scheme.end() :].partition("?")[0]
            if scheme[1].lower() not in ("mailto", "tel"):
                at.out.append(f" <{scheme[0]}{written}> ")
            elif scheme[1].lower() == "mailto" and written.lower() not in words.lower():
                at.out.append(f" {written} ")
        elif "://" in target and MARK not in words:
            shown = ""
            if _LOOKS_LIKE_LINK.fullmatch(words):
                shown = words[:_LONGEST_SHOWN]
                del at.out[self._begin :]
            at.out.append(MARK)
            at.links.append(WrittenLink(target, shown))


def _is_hidden(attributes: dict[str, str]) -> bool:
    """Return whether people see nothing of an element, whatever is in it. A size of
    letters does not tell: elements within may have their own."""
    style = attributes.get("style", "")
    is_cut = _CLIPS.search(style) and _HAS_NO_SIZE.search(style)
    return "hidden" in attributes or bool(is_cut or _HIDES.search(style))


def _attributes(tag: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(tag):
        value = match[2] or match[3] or match[4] or ""
        found.setdefault(match[1].lower(), value)
    return found


def _target(found: dict[str, str]) -> str:
    """The target of a link. `&reg` is no reference in it without a semicolon."""
    original = found.get("originalsrc", "")
    target = _url(found["href"])
    # Outlook's own note of what was rewritten, if nothing else tells.
    return _url(original) if original and unwrap(target).opaque else target


def _url(written: str) -> str:
    plain = _REFERENCE.sub(lambda match: resolve_references(match[0]), written)
    return normalised(plain).replace("\n", "").strip(" ")
