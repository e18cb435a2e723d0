"""The declarations of a `style` attribute that are safe to show in the pane. Pure.

Colours, fonts, alignment, and distances that fit into a narrow pane. Nothing that loads
something, lies over other parts of the pane, or hides them; no escapes, no functions
but those that make a colour.
"""

import re
from collections.abc import Callable, Iterator

import msgspec

_LENGTH = re.compile(
    r"([0-9]{1,4}(?:\.[0-9]{1,4})?|\.[0-9]{1,4})(px|pt|pc|em|rem|ex|cm|mm|in|%)"
)
_PIXELS = {
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
    "cm": 37.8,
    "mm": 3.78,
    "in": 96.0,
    "%": 3.2,
}
"""Pixels in a unit, for the usual font and a pane that is 320 pixels wide."""

_COLOUR = re.compile(
    r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})|[a-z]{3,24}"
    r"|(?:rgb|hsl)a?\([0-9.,%/ ]{1,40}\)",
    re.IGNORECASE,
)
_FONTS = re.compile(r"(?:[\w -]{1,60}|'[\w -]{1,60}'|\"[\w -]{1,60}\"|,){1,32}")
_LINE = "none hidden solid dotted dashed double groove ridge inset outset"
_NEVER = re.compile(
    r"[\\<>{}@\x00-\x1f\x7f]|/\*|url|expression|var\s*\(", re.IGNORECASE
)
_PARTS = re.compile(r"(?:\"[^\"]*\"|'[^']*'|\([^()]*\)|[^;\"'()])+")
_BOX = ("", "-top", "-right", "-bottom", "-left")

IsSafe = Callable[[str], bool]
"""Takes the value of a declaration, in one line."""


class SafeStyle(msgspec.Struct, frozen=True):
    """The safe part of a style attribute."""

    text: str
    """The declarations, with semicolons between them; may be empty."""
    removed: tuple[str, ...]
    """The names of the properties that are not there any more."""


def safe_style(text: str) -> SafeStyle:
    """Return the safe declarations of a style attribute, each in one form."""
    kept: dict[str, str] = {}
    removed: dict[str, None] = {}
    for declaration in _PARTS.findall(text):
        if not declaration.strip():
            continue
        name, _, value = declaration.partition(":")
        name = name.strip().lower()
        value = re.sub(r"\s+", " ", re.sub(r"(?i)\s*!\s*important\s*$", "", value))
        value = value.strip()
        if name == "background" and _COLOUR.fullmatch(value):
            name = "background-color"
        is_safe = _PROPERTIES.get(name)
        if is_safe is None or _NEVER.search(value) or not is_safe(value):
            removed[re.sub(r"[^a-z-]+", "", name)[:30] or "?"] = None
            continue
        kept.pop(name, None)
        kept[name] = value
    return SafeStyle("; ".join(f"{n}: {v}" for n, v in kept.items()), tuple(removed))


def is_colour(value: str) -> bool:
    """Return whether a value is a colour: a name, a number, or a function of it."""
    return _COLOUR.fullmatch(value) is not None


def _words(allowed: str, most: int = 1) -> IsSafe:
    known = frozenset(allowed.split())
    return lambda value: (
        0 < len(value.split()) <= most and known.issuperset(value.lower().split())
    )


def _length(least: float, most: float, words: str = "") -> IsSafe:
    """A length in pixels from `least` to `most`, zero, or one of some words."""
    is_word = _words(words)

    def is_safe(value: str) -> bool:
        match = _LENGTH.fullmatch(value.lower())
        if match is None:
            return is_word(value) or (value == "0" and not least)
        return least <= float(match[1]) * _PIXELS[match[2]] <= most

    return is_safe


def _lengths(most: float, words: str = "") -> IsSafe:
    """One to four lengths, for the sides of a box."""
    one = _length(0, most, words)
    return lambda value: 0 < len(value.split()) <= 4 and all(map(one, value.split()))


def _border(value: str) -> bool:
    """A width, a kind of line and a colour, in any order, each at most once."""
    width, line = _length(0, 8, "thin medium thick"), _words(_LINE)
    parts = re.findall(r"[^\s(]+(?:\([^()]*\))?", value)
    return 0 < len(parts) <= 3 and all(
        width(part) or line(part) or is_colour(part) for part in parts
    )


def _line_height(value: str) -> bool:
    if re.fullmatch(r"[0-9](?:\.[0-9]{1,4})?", value):
        return 0.8 <= float(value) <= 3
    return _length(10, 64, "normal")(value)


def _properties() -> Iterator[tuple[str, IsSafe]]:
    yield from (("color", is_colour), ("background-color", is_colour))
    yield "font-family", lambda value: _FONTS.fullmatch(value) is not None
    sizes = "xx-small x-small small medium large x-large xx-large smaller larger"
    yield "font-size", _length(6, 48, sizes)
    yield "font-style", _words("normal italic oblique")
    weights = " ".join(str(hundreds) for hundreds in range(100, 1000, 100))
    yield "font-weight", _words(f"normal bold bolder lighter {weights}")
    yield "font-variant", _words("normal small-caps")
    yield "line-height", _line_height
    yield "letter-spacing", _length(0, 16, "normal")
    yield "word-spacing", _length(0, 16, "normal")
    yield "text-align", _words("left right center justify start end")
    yield "text-decoration", _words("none underline overline line-through", 3)
    yield "text-transform", _words("none uppercase lowercase capitalize")
    yield "text-indent", _length(0, 64)
    aligned = "baseline sub super top middle bottom text-top text-bottom"
    yield "vertical-align", _words(aligned)
    yield "white-space", _words("normal nowrap pre pre-wrap pre-line")
    yield "direction", _words("ltr rtl")
    kinds = "none disc circle square decimal lower-alpha upper-alpha lower-roman"
    yield "list-style-type", _words(f"{kinds} upper-roman")
    yield from ((f"margin{side}", _lengths(64, "auto")) for side in _BOX)
    yield from ((f"padding{side}", _lengths(64)) for side in _BOX)
    yield from ((f"border{side}", _border) for side in _BOX)
    yield "border-collapse", _words("collapse separate")
    yield "border-color", is_colour
    yield "border-style", _words(_LINE)
    yield "border-width", _lengths(8, "thin medium thick")
    yield "border-radius", _lengths(64)
    yield "border-spacing", _lengths(64)
    yield from ((name, _length(0, 320, "auto none")) for name in ("width", "max-width"))


_PROPERTIES = dict(_properties())
