"""Puts joining instructions where an invitation still waits for them.

A meeting that was written while no alias could be had holds a placeholder text and the
organizer's token, `TOK:-<token>#` (deployment guide, "Process flow"). Exchange and the
mail programs have rewritten its body since: they wrapped the token's lines, spread them
over paragraphs, put in spans, comments and white space. So both texts are looked for as
a person sees them, with the finder's own eyes (`visible_text`, `tags`). What is found
is cut out of the source by its position; all the rest stays as it is, byte for byte.

Cutting keeps elements whole: one that held nothing else disappears with both its tags,
one that holds more stays with both. Everything takes time proportional to the body.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

# The finder's own patterns: what it finds is what has to be replaced.
from pexschedd.scheduling.tags import _LOOKALIKES, _NOTHING, _QUOTING, _TOK, MAX_BODY
from pexschedd.scheduling.visible_text import (
    _MARKUP,
    _NOT_SHOWN,
    _REFERENCE,
    _end_of_markup,
    resolve_references,
    visible_text,
)

_ROUNDS = 3
"""What is cut out may leave another token behind, if somebody wrote it that way."""
_MIN_APART = 20
"""Visible characters of a placeholder that is looked for apart from its token too.
A shorter one may be anybody's words."""


def has_token(html: str, text: str, token: str) -> bool:
    """Whether `token` is shown in a body: in its HTML or in `text`, the plain text.

    Either may be empty. True exactly when `replace_token` or `replace_token_text` has
    something to replace.
    """
    shown = _compact(visible_text(html[:MAX_BODY]))
    if _shows(shown, token):
        return True
    unquoted = _QUOTING.sub("", text[:MAX_BODY])
    return _shows(_compact(resolve_references(unquoted)), token)


def replace_token(
    html: str, token: str, placeholder_html: str, instructions_html: str
) -> str | None:
    """`html` with the joining instructions in the place of placeholder and token.

    html: the organizer's current body, or a part of one, up to `MAX_BODY` characters.
    token: the identity token, without `TOK:-` and `#`.
    placeholder_html: what the add-in has put before the token. If it is not there any
        more, or was edited, the token alone is replaced.
    instructions_html: what comes in their place, with its `PXPS` tag.

    Every other `TOK` tag, as in quoted invitations, is removed with its placeholder.
    None if the body does not show the token: somebody has removed it.
    """
    if not has_token(html, "", token):
        return None
    head, tail = html[:MAX_BODY], html[MAX_BODY:]
    placeholder = _compact(visible_text(placeholder_html))
    for _ in range(_ROUNDS):
        pieces = _pieces(head)
        shown = _Shown(head, [(p.start, p.end) for p in pieces if not p.name])
        cuts, place = _cuts(shown.text, token, placeholder)
        head = _rewritten(head, pieces, shown, cuts, place, instructions_html)
        if not has_token(head, "", token):
            return head + tail
        instructions_html = ""
    return None


def replace_token_text(
    text: str, token: str, placeholder: str, instructions: str
) -> str | None:
    """The same for a body of plain text; every argument is plain text.

    The instructions get the line ends that the body has.
    """
    if "\r\n" in text:
        instructions = re.sub(r"\r?\n", "\r\n", instructions)
    head, tail = text[:MAX_BODY], text[MAX_BODY:]
    placeholder = _compact(placeholder)
    for _ in range(_ROUNDS):
        if not has_token("", head, token):
            break
        quoting = [match.span() for match in _QUOTING.finditer(head)]
        shown = _Shown(head, _gaps(quoting, len(head)))
        cuts, place = _cuts(shown.text, token, placeholder)
        out, position = [], 0
        for cut in cuts:
            start, end = shown.source(cut)
            out += [head[position:start], instructions if cut == place else ""]
            position = end
        head = "".join([*out, head[position:]])
        if not has_token("", head, token):
            return head + tail
        instructions = ""
    return None


# -- what is shown, and where it comes from -----------------------------------------


class _Span(NamedTuple):
    """Of visible characters without white space, or of the source."""

    start: int
    end: int


def _compact(text: str) -> str:
    return _NOTHING.sub("", text).translate(_LOOKALIKES)


def _shows(shown: str, token: str) -> bool:
    return any(match[1] == token for match in _TOK.finditer(shown))


_STEP = re.compile(f"{_NOTHING.pattern}|({_REFERENCE.pattern})", re.IGNORECASE)


class _Shown:
    """The visible text of some parts of a source, without white space.

    It is kept as runs. Those of plain characters have the length of their source, the
    others are what a character reference stands for, and belong together.
    """

    def __init__(self, source: str, parts: Sequence[tuple[int, int]]) -> None:
        self.before = [0]
        """How many characters are shown before each part, and before the end."""
        self._texts: list[str] = []
        self._length = 0
        self._starts: list[int] = []  # of the runs, among the visible characters
        self._sources: list[tuple[int, int]] = []  # start, and length if a reference
        for start, end in parts:
            self._read(source, start, end)
            self.before.append(self._length)
        self.text = "".join(self._texts).translate(_LOOKALIKES)

    def _read(self, source: str, position: int, end: int) -> None:
        for match in _STEP.finditer(source, position, end):
            self._add(source[position : match.start()], position, 0)
            position = match.end()
            if match[1]:
                self._add_reference(match[1], match.start())
        self._add(source[position:end], position, 0)

    def _add_reference(self, written: str, position: int) -> None:
        text = resolve_references(written)
        # Of "&copyright" only "&copy" is one: what follows it stands for itself.
        plain = 0
        while plain < len(text) - 1 and text[-1 - plain] == written[-1 - plain]:
            plain += 1
        size = len(written) - plain
        self._add(_NOTHING.sub("", text[: len(text) - plain]), position, size)
        self._add(written[size:], position + size, 0)

    def _add(self, text: str, position: int, reference: int) -> None:
        if text:
            self._texts.append(text)
            self._starts.append(self._length)
            self._sources.append((position, reference))
            self._length += len(text)

    def source(self, span: _Span) -> _Span:
        """Where the source of these characters is; all of a reference's, or nothing."""
        run = bisect_right(self._starts, span.start) - 1
        position, reference = self._sources[run]
        start = position if reference else position + span.start - self._starts[run]
        run = bisect_right(self._starts, span.end - 1) - 1
        position, reference = self._sources[run]
        end = position + (reference or span.end - self._starts[run])
        return _Span(start, end)


def _gaps(spans: Sequence[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    edges = [(0, 0), *spans, (length, length)]
    return [(before[1], after[0]) for before, after in pairwise(edges)]


def _cuts(shown: str, token: str, placeholder: str) -> tuple[list[_Span], _Span]:
    """What to cut out of the visible text, in order; and whose place it is to fill."""
    cuts: list[_Span] = []
    place: _Span | None = None
    position = 0
    for match in _TOK.finditer(shown):
        start, end = match.span()
        own = [_Span(start, end)]
        if placeholder:
            apart = len(placeholder) >= _MIN_APART
            least = position if apart else max(position, start - len(placeholder))
            at = shown.rfind(placeholder, least, start)
            if at >= 0 and at + len(placeholder) == start:
                own = [_Span(at, end)]
            elif at >= 0:  # Somebody has written something between the two.
                own.insert(0, _Span(at, at + len(placeholder)))
        if place is None and match[1] == token:
            place = own[0]
        cuts += own
        position = end
    assert place is not None  # noqa: S101 - the caller has seen the token
    return cuts, place


# -- cutting markup ------------------------------------------------------------------


class _Piece(NamedTuple):
    start: int
    end: int
    name: str
    """Empty for text, "b" and "/b" for tags, "!" for comments and their like."""


_END_TAG = re.compile(r"</([a-z][a-z0-9:_-]{0,30})", re.IGNORECASE)


def _pieces(source: str) -> list[_Piece]:
    """All of `source`, divided as `visible_text` does; texts and markup in order."""
    found = []
    position = 0
    while (match := _MARKUP.search(source, position)) is not None:
        end = _end_of_markup(source, match)
        if end is None:
            break
        start = match.start()
        if start > position:
            found.append(_Piece(position, start, ""))
        if match["name"]:
            name = match["name"].lower()
        elif closing := _END_TAG.match(source, start):
            name = "/" + closing[1].lower()
        else:
            name = "!"
        found.append(_Piece(start, end, name))
        position = end
    found.append(_Piece(position, len(source), ""))
    return found


_WRAPS_TEXT = frozenset(
    "a abbr b big center code div em font h1 h2 h3 h4 h5 h6 i o:p p pre s samp small "  # noqa: SIM905 - so many are read as words
    "span strike strong sub sup tt u".split()
)
"""Elements that are there for the text in them; any other is something by itself."""
_PARAGRAPHS = _WRAPS_TEXT & {"center", "div", "p", "pre"}
"""Empty ones are lines that somebody has left free on purpose."""
_BREAKS = frozenset({"br", "wbr"})
_ALONE = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta "  # noqa: SIM905 - as above
    "param source track wbr".split()
)
"""Elements that have no end tag."""


def _pairs(pieces: Sequence[_Piece]) -> dict[int, int]:
    """From the index of each start tag that has an end tag to the index of that."""
    pairs = {}
    waiting: list[tuple[str, int]] = []
    open_now: dict[str, int] = {}
    for index, (_, _, name) in enumerate(pieces):
        if name[:1] == "/":
            # So nobody looks in vain: each start tag is taken away once, at most.
            while open_now.get(name[1:]):
                opened, start = waiting.pop()
                open_now[opened] -= 1
                if opened == name[1:]:
                    pairs[start] = index
                    break
        elif name not in ("", "!") and name not in _ALONE and name not in _NOT_SHOWN:
            waiting.append((name, index))
            open_now[name] = open_now.get(name, 0) + 1
    return pairs


class _Cutting:
    """Which pieces go when some of the text goes."""

    def __init__(
        self, pieces: Sequence[_Piece], shown: _Shown, cuts: Sequence[_Span]
    ) -> None:
        self._pieces = pieces
        self.ranges = [shown.source(cut) for cut in cuts]
        self._starts = [of.start for of in self.ranges]
        self._pairs = _pairs(pieces)
        self._count(shown, cuts)
        self.elements = {
            start: end for start, end in self._pairs.items() if self._goes(start, end)
        }
        """Of the elements that go: index of the start tag to that of the end tag."""
        self.paired = {*self._pairs, *self._pairs.values()}

    def _count(self, shown: _Shown, cuts: Sequence[_Span]) -> None:
        """How much goes, and how much stays, before each piece."""
        going, staying = [0], [0]
        cut = part = 0
        for piece in self._pieces:
            gone = stays = 0
            if not piece.name:
                start, end = shown.before[part], shown.before[part + 1]
                part += 1
                while cut < len(cuts) and cuts[cut].start < end:
                    gone += min(end, cuts[cut].end) - max(start, cuts[cut].start)
                    if cuts[cut].end > end:
                        break
                    cut += 1
                stays = end - start - gone
            elif piece.name[0] not in "!/":
                stays = not (piece.name in _WRAPS_TEXT or piece.name in _BREAKS)
            going.append(gone)
            staying.append(stays)
        self._going = list(accumulate(going))
        for start, end in self._pairs.items():
            name = self._pieces[start].name
            if name in _PARAGRAPHS and not self._is_affected(start, end):
                staying[start + 1] = 1
        self._staying = list(accumulate(staying))

    def _goes(self, start: int, end: int) -> bool:
        return (
            self._pieces[start].name in _WRAPS_TEXT
            and self._staying[start] == self._staying[end + 1]
            and self._is_affected(start, end)
        )

    def _is_affected(self, start: int, end: int) -> bool:
        """Whether the element holds some of what goes, or is among it."""
        if self._going[start] != self._going[end + 1]:
            return True
        within = self.within(start)
        return within is not None and within == self.within(end)

    def within(self, index: int) -> int | None:
        """The number of the range that this piece is in."""
        piece = self._pieces[index]
        number = bisect_right(self._starts, piece.start) - 1
        inside = number >= 0 and piece.end <= self.ranges[number].end
        return number if inside else None


def _rewritten(
    source: str,
    pieces: Sequence[_Piece],
    shown: _Shown,
    cuts: Sequence[_Span],
    place: _Span,
    instructions: str,
) -> str:
    cutting = _Cutting(pieces, shown, cuts)
    kept = [shown.text[start:end] for start, end in _gaps(cuts, len(shown.text))]
    inserted = _compact(visible_text(instructions))
    number = cuts.index(place) + 1
    wanted = "".join([*kept[:number], inserted, *kept[number:]])
    result = _without(source, pieces, cutting, shown.source(place).start, instructions)
    if _compact(visible_text(result)) == wanted:
        return result
    # Markup so broken that what is put into it changes what comes before it. Nothing
    # comes before what is put at the top.
    return instructions + _without(source, pieces, cutting, 0, "")


def _without(
    source: str,
    pieces: Sequence[_Piece],
    cutting: _Cutting,
    place: int,
    instructions: str,
) -> str:
    """The source without what goes, and with the instructions at `place`."""
    out = _Writer()
    pending = instructions
    last = -1  # the last piece of the element that is being left out
    next_range = 0
    for index, (position, end, name) in enumerate(pieces):
        if index > last and index in cutting.elements:
            last = cutting.elements[index]
            if place < pieces[last].end:
                out.add(pending)
                pending = ""
        leaving = index <= last
        if name:
            if name == "!":
                goes = False
            elif name in _BREAKS:
                goes = leaving or cutting.within(index) is not None
            else:  # What has no partner is as it was, here too.
                goes = leaving and index in cutting.paired
        else:
            goes = leaving
        if goes:
            out.left_out = True
            continue
        if not name:
            while (
                next_range < len(cutting.ranges)
                and cutting.ranges[next_range].start < end
            ):
                gone = cutting.ranges[next_range]
                out.add(source[position : gone.start])
                if place <= gone.start:
                    out.add(pending)
                    pending = ""
                out.left_out = True
                position = max(position, min(end, gone.end))
                if gone.end > end:
                    break
                next_range += 1
        out.add(source[position:end])
    return out.text()


class _Writer:
    """Puts pieces together so that two texts do not become markup by meeting."""

    _UNFINISHED = re.compile(r"(?:<[!/?]?|&#?x?[0-9a-z]*)\Z", re.IGNORECASE)
    _JOINT = "\u200b"
    """No one sees it, and the finder does not either."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self.left_out = False
        """Something that stood before what comes next is not there any more."""

    def add(self, text: str) -> None:
        if not text:
            return
        if self.left_out and self._out:
            if self._UNFINISHED.search(self._out[-1][-40:]):
                self._out.append(self._JOINT)
            self.left_out = False
        self._out.append(text)

    def text(self) -> str:
        return "".join(self._out)
