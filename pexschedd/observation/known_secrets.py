"""The places of known secrets in a text. Pure.

A secret is looked for as it is, as bytes, in hexadecimal and in base64; escapes are
resolved before, by `decoded_text`.

A short secret is only removed where it is a word of its own, and one that is a word of
the program's texts not at all: there it tells nothing, and its absence would tell it.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from struct import unpack
from typing import NamedTuple
from unicodedata import normalize

from pexschedd.observation.decoded_text import decoded

SHORT = 4
"""Characters below which a secret is only removed where it is a word of its own."""

_COMMON = re.compile("[A-Za-z0-9]{1,7}")
"""Secrets of more characters that are only removed there, too."""

_WORD = re.compile("[A-Za-z]+|[0-9]+")

_LEAST_ENCODED = 6
"""Characters of base64 that are no accident."""

_LONG_LINE = 16
"""Characters of a line of a secret that is one itself."""

_DEPTH = 6
"""Characters by which a pattern for several texts decides between them."""

_URL_SAFE = str.maketrans("+/", "-_")


class WordEdges(NamedTuple):
    """The surroundings by which a text is no word of its own."""

    before: str
    """A class of characters, one of which is in front of it."""
    after: str
    """A pattern that matches behind it."""


_EDGES = WordEdges(r"[\w.-]", r"[\w-]|\.\w")
"""Edges of short secrets, so that none is part of a date, a host, an identifier."""


class KnownSecrets:
    """Finds secrets. `own_words` are the words, in lower case, of the program."""

    def __init__(
        self, secrets: Iterable[str], own_words: frozenset[str] = frozenset()
    ) -> None:
        self.values = {
            each
            for each in secrets
            if each.strip()
            and not (_WORD.fullmatch(each) and each.lower() in own_words)
        }
        words = {
            each for each in self.values if len(each) < SHORT or _COMMON.fullmatch(each)
        }
        forms = (form for each in self.values - words for form in _forms(each))
        encoded = (form for each in self.values for form in _encoded(each))
        patterns = any_of((*forms, *encoded)), any_of(words, _EDGES)
        self._patterns = [each for each in patterns if each is not None]

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each secret in a view of a text."""
        for pattern in self._patterns:
            yield from (found.span() for found in pattern.finditer(text))


def any_of(
    texts: Iterable[str], edges: WordEdges | None = None
) -> re.Pattern[str] | None:
    """Return the pattern of several texts, the longest of those that begin alike; only
    where they are words, if `edges` are given."""
    ordered = sorted({*texts}, key=len, reverse=True)
    return re.compile(_tree(ordered, edges)) if ordered else None


def _tree(texts: Sequence[str], edges: WordEdges | None, depth: int = _DEPTH) -> str:
    """Return a pattern that decides by one character after the other, as `re` tries
    alternatives in turn."""
    end = f"(?!{edges.after})" if edges else ""
    begins = edges if depth == _DEPTH else None
    if depth == 0 or (len(texts) == 1 and not begins):
        return "|".join(f"{re.escape(each)}{end}" for each in texts)
    branches: dict[str, list[str]] = {}
    for each in texts:
        branches.setdefault(each[:1], []).append(each[1:])
    rest = branches.pop("", None)
    alternatives = [
        re.escape(character)
        + (f"(?<!{begins.before}{re.escape(character)})" if begins else "")
        + f"(?:{_tree(others, edges, depth - 1)})"
        for character, others in branches.items()
    ]
    return "|".join([*alternatives, *([end] if rest is not None else [])])


def spellings(text: str) -> set[str]:
    """Return the ways in which the characters of a text may be in a view of another:
    composed or not, as UTF-8's bytes, as UTF-16's units, with `+` for a space."""
    forms = {text, normalize("NFC", text), normalize("NFD", text)}
    for each in [*forms]:
        forms.add(each.encode("utf-8", "surrogatepass").decode("latin-1"))
        units = each.encode("utf-16-be", "surrogatepass")
        forms.add("".join(map(chr, unpack(f">{len(units) // 2}H", units))))
    return forms | {each.replace(" ", "+") for each in forms}


def _forms(secret: str) -> Iterator[str]:
    """Yield the forms of a long secret in a view of a text."""
    yield from spellings(secret)
    plain = decoded(secret).rstrip("\\")  # one at the end goes with what follows
    if len(plain) >= SHORT and not _COMMON.fullmatch(plain):
        yield from spellings(plain)
    lines = secret.splitlines()
    yield from (line for line in lines if len(line) >= _LONG_LINE)


def _encoded(secret: str) -> Iterator[str]:
    """Yield the forms of a secret in hexadecimal and in base64, but for one so short
    that they are found by accident."""
    if len(secret) < SHORT:
        return
    data = secret.encode("utf-8", "surrogatepass")
    yield data.hex()
    yield data.hex().upper()
    yield from _base64_forms(data)
    yield from _base64_forms(secret.encode("utf-16-le", "surrogatepass"))
    with suppress(UnicodeEncodeError):
        yield from _base64_forms(secret.encode("latin-1"))


def _base64_forms(data: bytes) -> Iterator[str]:
    """Yield what is the same in all base64 that has the data in it, such as that of
    "name:password": it begins at any of three places, and the characters at its ends
    belong to its neighbours, too."""
    for shift in range(3):
        encoded = b64encode(b"\0" * shift + data).decode().rstrip("=")
        inner = encoded[(0, 2, 3)[shift] : (shift + len(data)) * 8 // 6]
        if len(inner) >= _LEAST_ENCODED:
            yield inner
            yield inner.translate(_URL_SAFE)
