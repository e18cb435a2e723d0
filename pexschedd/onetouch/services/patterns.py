"""Regular expressions of the catalogue and of rules, searched in UTF-8. Pure.

RE2 takes time in proportion to the text. Texts are encoded once, rather than for each
of a hundred patterns.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pexschedd.util.text_pattern import PatternLimits, compile_pattern

LIMITS = PatternLimits(characters=3_000, program=12_000)
LIMITS_OF_RULES = PatternLimits(characters=250, program=1_000)
MOST_MATCHES = 60
"""Places of a text at which a pattern is tried."""


class SearchPattern:
    """A compiled expression; letters of either case are alike."""

    def __init__(self, regex: Any) -> None:
        self._regex = regex
        self.names = frozenset(regex.groupindex)

    def search(
        self, data: bytes, start: int = 0, end: int | None = None
    ) -> "PatternFound | None":
        """Return the first match between two positions."""
        match = self._regex.search(data, start, len(data) if end is None else end)
        return None if match is None else PatternFound(match)

    def all(self, data: bytes) -> Iterator["PatternFound"]:
        """Yield the first matches, from left to right."""
        for number, match in enumerate(self._regex.finditer(data), 1):
            yield PatternFound(match)
            if number == MOST_MATCHES:
                return

    def whole(self, text: str) -> "PatternFound | None":
        """Return a match of a whole text."""
        match = self._regex.fullmatch(text.encode("utf-8", "replace"))
        return None if match is None else PatternFound(match)

    def beginning(self, data: bytes) -> "PatternFound | None":
        """Return a match at the beginning of a text."""
        match = self._regex.match(data)
        return None if match is None else PatternFound(match)


class PatternFound:
    """A match: its place, and what its groups have found."""

    def __init__(self, match: Any) -> None:
        self.start: int = match.start()
        self.end: int = match.end()
        self.values: dict[str, str] = {
            name: value.decode("utf-8", "replace")
            for name, value in match.groupdict().items()
            if value is not None
        }


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> SearchPattern:
    """Compile an expression; raises ValueError that says what is wrong with it."""
    return SearchPattern(compile_pattern(pattern, LIMITS, ignore_case=True))


class RulePattern:
    """An administrator's expression, and what its match is replaced by."""

    def __init__(self, regex: Any) -> None:
        self._regex = regex

    def check(self, replacement: str) -> None:
        """Raise ValueError if a replacement names a group that is not there."""
        for reference in _REFERENCE.finditer(replacement):
            number, name, _ = reference.groups()
            if number is not None:
                is_there = int(number) <= self._regex.groups
            else:
                is_there = name is None or (
                    int(name) <= self._regex.groups
                    if name.isdecimal()
                    else name in self._regex.groupindex
                )
            if not is_there:
                raise ValueError(
                    f'"{reference[0]}" in the replacement is no group of the pattern.'
                )

    def replaced(self, text: str, replacement: str) -> str | None:
        """Return the replacement for the first match; None without one.

        Without a replacement it is the first group, or the whole match.
        """
        match = self._regex.search(text)
        if match is None:
            return None
        if not replacement:
            return str((match.group(1) if match.groups() else match.group()) or "")

        def put(reference: re.Match[str]) -> str:
            number, name, other = reference.groups()
            if other is not None:
                return other
            return str(match.group(int(number) if number else _key(name)) or "")

        return _REFERENCE.sub(put, replacement)


_REFERENCE = re.compile(r"\\(?:([0-9]{1,2})|g<(\w+)>|(.))", re.DOTALL)


def _key(name: str) -> int | str:
    return int(name) if name.isdecimal() else name


@lru_cache(maxsize=1024)
def rule_pattern(pattern: str) -> RulePattern:
    """Compile a rule's expression, in which case matters; raises ValueError."""
    return RulePattern(compile_pattern(pattern, LIMITS_OF_RULES))
