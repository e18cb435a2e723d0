"""The removal of secrets and of persons' addresses from texts. Pure.

Known secrets are found by their value, others by their look, in each view of a text in
which escapes are resolved. An e-mail address becomes the same pseudonym wherever it
occurs, so that it can still be followed.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pexschedd.observation.decoded_text import (
    DecodedText,
    decoded_views,
    joined,
    lower_case,
)
from pexschedd.observation.json_strings import JsonStrings
from pexschedd.observation.known_secrets import (
    KnownSecrets,
    WordEdges,
    any_of,
    spellings,
)
from pexschedd.observation.secret_patterns import secret_places

_AT = re.compile("(?:@|=40)")
_DOMAIN = re.compile(
    rf"{_AT.pattern}"
    r"(?:(?:[\w-]{1,63}\.){1,10}[\w-]{2,63}|localhost\b|\[[0-9A-Fa-f:.]{3,45}\])"
)
"""The end of an address, from which its beginning is looked for."""
_LOCAL = re.compile(r"[\w.+'~#$*-]++|\"[^\"\n]++\"")
"""Its beginning, backwards, and as a quoted string (RFC 5322, section 3.4.1)."""
_LONGEST_LOCAL = 64
"""Characters (RFC 5321, section 4.5.3.1.1)."""
_PSEUDONYM = re.compile(r"address-\d+\Z")

_NAME_EDGES = WordEdges(r"\w", r"\w")

_ROUNDS = 10
"""Rounds after which a secret that comes up again leaves no mark."""

_MARKS = ("[removed]", "[gone]", "###", "")
"""Marks in the place of a secret: the first one that has none in it is used."""


class _Removal(NamedTuple):
    """A place in a text, and what is to stand there."""

    start: int
    end: int
    rank: int
    """Of removals that overlap the one with the lowest rank leaves its mark."""
    mark: str


class Scrubber:
    """Removes secrets and addresses; knows each address again.

    `secrets` are values that must not appear, but those that are among `own_words`, the
    program's. `names` are texts that become `[name]` where they are words of their own,
    such as administrators' names.
    """

    def __init__(
        self,
        secrets: Iterable[str],
        names: Iterable[str] = (),
        own_words: frozenset[str] = frozenset(),
    ) -> None:
        self._known = KnownSecrets(secrets, own_words)
        self._names = any_of(
            (
                lower_case(form)
                for name in names
                if name.strip()
                for form in spellings(name)
            ),
            _NAME_EDGES,
        )
        values = self._known.values
        self._mark = next(m for m in _MARKS if not any(s in m for s in values) or not m)
        self._numbers: dict[str, int] = {}

    def scrub(self, text: str) -> str:
        """Return the text without them."""
        views = decoded_views(text)
        removals = [*self._known_ones(views, self._mark)]
        strings = JsonStrings(text)
        for view in views:
            removals.extend(self._unknown_ones(text, view, strings))
        removals.extend(self._persons(views[-1]))
        text = _without(text, removals)
        # What was put in place of others may have made one.
        for mark in (self._mark,) * _ROUNDS:
            removals = [*self._known_ones(decoded_views(text), mark)]
            if not removals:
                return text
            text = _without(text, removals)
        while removals := [*self._known_ones(decoded_views(text), "")]:
            text = _without(text, removals)
        return text

    def _known_ones(self, views: list[DecodedText], mark: str) -> Iterator[_Removal]:
        for view in {*views, joined(views[-1])}:
            for start, end in self._known.spans(view.text):
                yield _Removal(*view.span(start, end), 0, mark)

    def _unknown_ones(
        self, text: str, view: DecodedText, strings: JsonStrings
    ) -> Iterator[_Removal]:
        for start, end, quote in secret_places(view.text):
            mark = self._mark
            if quote is not None:
                first, last = view.span(quote, quote + 1)
                mark = f"{text[first:last]}{mark}{text[first:last]}"
            start, end = strings.clipped(*view.span(start, end))
            if start < end:
                yield _Removal(start, end, 0, mark)

    def _persons(self, view: DecodedText) -> Iterator[_Removal]:
        for start, end, pseudonym in self._addresses(view.text):
            yield _Removal(*view.span(start, end), 1, pseudonym)
        if self._names is not None:
            for found in self._names.finditer(lower_case(view.text)):
                yield _Removal(*view.span(*found.span()), 2, "[name]")

    def _addresses(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield the place of each address but for its domain, and its pseudonym."""
        end = 0
        for found in _DOMAIN.finditer(text):
            start = max(end, found.start() - _LONGEST_LOCAL)
            local = _LOCAL.match(text[start : found.start()][::-1])
            end = found.start()
            name = local[0][::-1].lstrip("'*") if local else ""  # quotation, emphasis
            if name and not _PSEUDONYM.match(name):
                address = f"{name}@{_AT.sub('', found[0], count=1)}".casefold()
                number = self._numbers.setdefault(address, len(self._numbers) + 1)
                yield end - len(name), end, f"address-{number}"


def _without(text: str, removals: list[_Removal]) -> str:
    """Return the text with the marks of the removals; one for several that overlap."""
    parts, end = [], 0
    ordered = iter(sorted(removals))
    removal = next(ordered, None)
    while removal is not None:
        following = next(ordered, None)
        while following is not None and following.start < removal.end:
            best = min(removal, following, key=lambda each: each.rank)
            last = max(removal.end, following.end)
            removal = best._replace(start=removal.start, end=last)
            following = next(ordered, None)
        parts += [text[end : removal.start], removal.mark]
        end = removal.end
        removal = following
    return "".join([*parts, text[end:]])
