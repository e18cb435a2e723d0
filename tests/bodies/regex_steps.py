"""Counts the steps that a backtracking engine takes for a regular expression.

Python's own engine tells nobody how often it went back. This one follows the same
parsed expression, which is private to Python, and counts each character that it looks
at; slowly.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from re import _constants as codes  # type: ignore[attr-defined,unused-ignore]
from re import _parser as parser  # type: ignore[attr-defined,unused-ignore]
from typing import Any

_CATEGORIES = {
    codes.CATEGORY_DIGIT: re.compile(r"\d"),
    codes.CATEGORY_SPACE: re.compile(r"\s"),
    codes.CATEGORY_WORD: re.compile(r"\w"),
    codes.CATEGORY_NOT_DIGIT: re.compile(r"\D"),
    codes.CATEGORY_NOT_SPACE: re.compile(r"\S"),
    codes.CATEGORY_NOT_WORD: re.compile(r"\W"),
}
_ONE = frozenset({codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN})
_REPEATS = frozenset({codes.MAX_REPEAT, codes.MIN_REPEAT})


class StepCounter:
    """One expression applied to one text, from left to right, as `finditer` does."""

    def __init__(self, pattern: str, flags: int, text: str) -> None:
        self.steps = 0
        self._tree = list(parser.parse(pattern, flags))
        self._ignores_case = bool(flags & re.IGNORECASE)
        self._has_lines = bool(flags & re.MULTILINE)
        self._text = text.lower() if self._ignores_case else text

    def run(self) -> list[tuple[int, int]]:
        """Return the places of all matches; `steps` has the count then."""
        found = []
        position = 0
        while position <= len(self._text):
            end = next(self._all(self._tree, position), None)
            if end is None:
                position += 1
                continue
            found.append((position, end))
            position = end if end > position else end + 1
        return found

    def _all(self, nodes: Sequence[Any], at: int) -> Iterator[int]:
        """Where a sequence of nodes may end, the preferred end first."""
        if not nodes:
            yield at
            return
        for end in self._one(nodes[0], at):
            yield from self._all(nodes[1:], end)

    def _one(self, node: Any, at: int) -> Iterator[int]:
        self.steps += 1
        kind, value = node
        if kind in _ONE:
            if at < len(self._text) and self._fits(kind, value, self._text[at]):
                yield at + 1
        elif kind in _REPEATS:
            low, high, inner = value
            yield from self._repeat(list(inner), low, high, at, kind)
        elif kind is codes.POSSESSIVE_REPEAT:
            low, high, inner = value
            ends = self._repeat(list(inner), low, high, at, codes.MAX_REPEAT)
            yield from islice(ends, 1)
        elif kind is codes.SUBPATTERN:
            yield from self._all(list(value[3]), at)
        elif kind is codes.BRANCH:
            for branch in value[1]:
                yield from self._all(list(branch), at)
        elif kind in (codes.ASSERT, codes.ASSERT_NOT):
            assert value[0] == 1, "looks ahead only"
            holds = next(self._all(list(value[1]), at), None) is not None
            if holds == (kind is codes.ASSERT):
                yield at
        elif kind is codes.AT:
            if self._is_at(value, at):
                yield at
        else:
            raise NotImplementedError(kind)

    def _repeat(
        self, inner: Sequence[Any], low: int, high: int, at: int, kind: Any
    ) -> Iterator[int]:
        if len(inner) == 1 and inner[0][0] in _ONE:
            ends = [at]
            while len(ends) <= high:
                end = next(self._one(inner[0], ends[-1]), None)
                if end is None:
                    break
                ends.append(end)
            ends = ends[low:]
            for end in reversed(ends) if kind is codes.MAX_REPEAT else ends:
                self.steps += 1
                yield end
            return
        if low <= 0 and kind is codes.MIN_REPEAT:
            yield at
        if high > 0:
            for end in self._all(inner, at):
                if end > at:
                    yield from self._repeat(inner, low - 1, high - 1, end, kind)
        if low <= 0 and kind is codes.MAX_REPEAT:
            yield at

    def _fits(self, kind: Any, value: Any, character: str) -> bool:
        if kind is codes.ANY:
            return True
        if kind is codes.LITERAL:
            return self._same(value, character)
        if kind is codes.NOT_LITERAL:
            return not self._same(value, character)
        negated = value[0][0] is codes.NEGATE
        fits = any(self._is_in(each, character) for each in value)
        return fits != negated

    def _same(self, code: int, character: str) -> bool:
        wanted = chr(code)
        return character == (wanted.lower() if self._ignores_case else wanted)

    def _is_in(self, each: Any, character: str) -> bool:
        kind, value = each
        if kind is codes.LITERAL:
            return self._same(value, character)
        if kind is codes.RANGE:
            others = {character, character.upper()} if self._ignores_case else character
            return any(value[0] <= ord(c) <= value[1] for c in others if len(c) == 1)
        if kind is codes.CATEGORY:
            return _CATEGORIES[value].match(character) is not None
        return False

    def _is_at(self, place: Any, at: int) -> bool:
        before = self._text[at - 1 : at]
        if place is codes.AT_BEGINNING and self._has_lines:
            return before in ("", "\n")
        if place in (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING):
            return at == 0
        if place in (codes.AT_END, codes.AT_END_STRING):
            return at == len(self._text)
        after = self._text[at : at + 1]
        edge = bool(re.match(r"\w", before)) != bool(re.match(r"\w", after))
        return edge == (place is codes.AT_BOUNDARY)
