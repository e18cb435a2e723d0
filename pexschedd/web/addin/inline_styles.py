"""The declarations of a `style` attribute that are safe to show in the pane. Pure.

Colours, fonts, alignment, and distances that fit into a narrow pane. Nothing that loads
something, lies over other parts of the pane, or hides them; no escapes, no functions
but those that make a colour.
"""

import re
from collections.abc import Callable, Iterator, Mapping

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

USUAL_SIZE = 16.0
"""Pixels of the usual font."""
_LEAST_SIZE, _MOST_SIZE = 6.0, 48.0
_OF_THE_AROUND = {"em": 1.0, "ex": 0.5, "%": 0.01, "smaller": 0.83, "larger": 1.2}
_OF_THE_TAG = {
    "h1": 2.0,
    "h2": 1.5,
    "h3": 1.17,
    "h5": 0.83,
    "h6": 0.67,
    "big": 1.2,
    "small": 0.83,
    "sub": 0.83,
    "sup": 0.83,
}
_SIZES = ["xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large"]
_SIZE_PIXELS = (9.0, 10.0, 13.0, 16.0, 18.0, 24.0, 32.0, 48.0)
"""Of the words, and then of the numbers 1 to 7 that begin with the second one."""

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


def safe_style(text: str, around: float = USUAL_SIZE) -> SafeStyle:
    """Return the safe declarations of a style attribute, each in one form.

    `around` is the font size around it, in pixels: a size may be a part of that, and
    the sizes of nested elements multiply.
    """
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
        if name == "font-size" and not is_readable(pixels_of(value, around)):
            is_safe = None
        if is_safe is None or _NEVER.search(value) or not is_safe(value):
            removed[re.sub(r"[^a-z-]+", "", name)[:30] or "?"] = None
            continue
        kept.pop(name, None)
        kept[name] = value
    return SafeStyle("; ".join(f"{n}: {v}" for n, v in kept.items()), tuple(removed))


def pixels_of(size: str, around: float) -> float:
    """Return the pixels of a font size within a font of so many; 0 if it is none."""
    size = size.lower()
    if size in _SIZES:
        return _SIZE_PIXELS[_SIZES.index(size)]
    if match := _LENGTH.fullmatch(size):
        number, unit = float(match[1]), match[2]
        of_around = _OF_THE_AROUND.get(unit)
        return number * (around * of_around if of_around else _PIXELS[unit])
    return around * _OF_THE_AROUND.get(size, 0)


def pixels_within(tag: str, attributes: Mapping[str, str], around: float) -> float:
    """Return the font size within an element with safe attributes, in a font of so many
    pixels."""
    for declaration in attributes.get("data-style", "").split("; "):
        name, _, value = declaration.partition(": ")
        if name == "font-size":
            return pixels_of(value, around)
    if tag == "font" and (size := attributes.get("size", "")):
        number = int(size) + (3 if size[0] in "+-" else 0)
        return _SIZE_PIXELS[min(max(number, 1), 7)]
    return around * _OF_THE_TAG.get(tag, 1.0)


def is_readable(pixels: float) -> bool:
    """Return whether a font is neither too small nor too large for the pane."""
    return _LEAST_SIZE <= pixels <= _MOST_SIZE


def is_colour(value: str) -> bool:
    """Return whether a value is a colour: a name, a number, or a function of it."""
    return _COLOUR.fullmatch(value) is not None


def _words(allowed: str, most: int = 1) -> IsSafe:
    known = frozenset(allowed.split())
    return lambda value: (
        0 < len(value.split()) <= most and known.issuperset(value.lower().split())
    )


def _length(
    least: float, most: float, words: str = "", percent: float = _PIXELS["%"]
) -> IsSafe:
    """A length in pixels from `least` to `most`, zero, or one of some words."""
    is_word = _words(words)
    units = {**_PIXELS, "%": percent}

    def is_safe(value: str) -> bool:
        match = _LENGTH.fullmatch(value.lower())
        if match is None:
            return is_word(value) or (value == "0" and not least)
        return least <= float(match[1]) * units[match[2]] <= most

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
    return _length(10, 64, "normal", percent=USUAL_SIZE / 100)(value)


def _properties() -> Iterator[tuple[str, IsSafe]]:
    yield from (("color", is_colour), ("background-color", is_colour))
    yield "font-family", lambda value: _FONTS.fullmatch(value) is not None
    # Its size is looked at where the font around it is known.
    yield "font-size", lambda value: pixels_of(value, USUAL_SIZE) > 0
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
