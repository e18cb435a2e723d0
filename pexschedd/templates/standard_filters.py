"""jinja2's own filters that templates may use, in a form that cannot grow or hang.

Exactly the allowed ones (administrator guide, "jinja2 templates and filters"); they
behave as jinja2 documents them.
"""

import html
from collections.abc import Callable, Mapping
from typing import Any, Literal

from jinja2 import Undefined

from pexschedd.errors import TemplateError
from pexschedd.templates.values import (
    bounded_range,
    items_of,
    joined,
    printf,
    replaced,
    text_of,
)

_MAX_PRECISION = 20
_LEEWAY = 5
"""`truncate` leaves a text alone that is only this many characters too long."""


def _default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    if isinstance(value, Undefined) or (boolean and not value):
        return default_value
    return value


def _first(value: object) -> Any:
    items = items_of(value)
    return items[0] if items else Undefined("there is no first element")


def _last(value: object) -> Any:
    items = items_of(value)
    return items[-1] if items else Undefined("there is no last element")


def _float(value: Any, default: Any = 0.0) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return default


def _int(value: Any, default: Any = 0, base: int = 10) -> Any:
    try:
        return int(value, base) if isinstance(value, str) else int(value)
    except (TypeError, ValueError, OverflowError):
        try:
            return int(float(value))
        except (TypeError, ValueError, OverflowError):
            return default


def _format(value: object, *args: object, **kwargs: object) -> str:
    if args and kwargs:
        raise TemplateError("format takes positional or named values, not both")
    return printf(text_of(value), kwargs or args)


def _round(
    value: Any,
    precision: int = 0,
    method: Literal["common", "ceil", "floor"] = "common",
) -> float:
    if not -_MAX_PRECISION <= precision <= _MAX_PRECISION:
        raise TemplateError(f"round takes a precision up to {_MAX_PRECISION}")
    if method == "common":
        return float(round(float(value), precision))
    scaled = float(value) * 10.0**precision
    if method == "floor":
        return scaled // 1 / 10.0**precision
    if method == "ceil":
        return -(-scaled // 1) / 10.0**precision
    raise TemplateError('round knows the methods "common", "ceil" and "floor"')


def striptags(value: object) -> str:
    """Remove tags and comments; resolve entities, collapse white space."""
    text = text_of(value)
    kept = []
    position = 0
    while (start := text.find("<", position)) >= 0:
        close = "-->" if text.startswith("<!--", start) else ">"
        end = text.find(close, start)
        if end < 0:
            break
        kept.append(text[position:start])
        position = end + len(close)
    kept.append(text[position:])
    return html.unescape(" ".join("".join(kept).split()))


def _truncate(
    value: object,
    length: int = 255,
    killwords: bool = False,
    end: str = "...",
    leeway: int = _LEEWAY,
) -> str:
    text = text_of(value)
    if length < len(end):
        raise TemplateError("truncate needs a length of at least that of its ending")
    if len(text) <= length + leeway:
        return text
    cut = text[: length - len(end)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + end


def _trim(value: object, chars: str | None = None) -> str:
    return text_of(value).strip(chars)


STANDARD_FILTERS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "capitalize": lambda value: text_of(value).capitalize(),
    "default": _default,
    "first": _first,
    "float": _float,
    "format": _format,
    "int": _int,
    "join": lambda value, d="": joined(d, value),
    "last": _last,
    "length": lambda value: len(items_of(value)),
    "lower": lambda value: text_of(value).lower(),
    "range": bounded_range,
    "replace": replaced,
    "round": _round,
    "striptags": striptags,
    "trim": _trim,
    "truncate": _truncate,
    "upper": lambda value: text_of(value).upper(),
}
