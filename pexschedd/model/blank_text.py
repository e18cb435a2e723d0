"""Texts in which a person sees nothing. Pure."""

from unicodedata import category

_NO_INK = frozenset({"Cc", "Cf", "Cs", "Me", "Mn", "Zl", "Zp", "Zs"})
"""Controls, formats such as zero-width and bidirectional marks, lone surrogates, marks
that need a letter to stand on, and separators (Unicode's general categories)."""

_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that are blank all the same."""


def is_blank(text: str) -> bool:
    """Return whether a text shows nothing: is empty, or white, or has no ink."""
    return all(c in _FILLERS or category(c) in _NO_INK for c in text)


def shown(text: str) -> str:
    """Return a text, or an empty one in its place if it shows nothing."""
    return "" if is_blank(text) else text
