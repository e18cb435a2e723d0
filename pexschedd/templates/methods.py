"""The methods and attributes that values have inside a template.

A list of what is there, not of what is forbidden: anything else is undefined.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from jinja2.runtime import LoopContext

from pexschedd.templates.values import checked_width, joined, replaced

Method = Callable[..., Any]


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TEXT = _names(
    "capitalize casefold count endswith find isalnum isalpha isdecimal isdigit islower "
    "isnumeric isspace istitle isupper lower lstrip partition removeprefix "
    "removesuffix rfind rpartition rsplit rstrip split splitlines startswith strip "
    "swapcase title upper"
)
_LOOP = _names(
    "index index0 first last length revindex revindex0 previtem nextitem depth depth0"
)
_MOMENT = _names("year month day hour minute second microsecond")


def _padding(name: str) -> Method:
    method: Method = getattr(str, name)
    return lambda text, width, *fill: method(text, checked_width(width), *fill)


_TEXT_METHODS: Mapping[str, Method] = {
    **{name: getattr(str, name) for name in _TEXT},
    **{name: _padding(name) for name in ("center", "ljust", "rjust", "zfill")},
    "join": joined,
    "replace": replaced,
}
_DICT_METHODS: Mapping[str, Method] = {
    "get": dict.get,
    "items": lambda value: list(value.items()),
    "keys": lambda value: list(value),
    "values": lambda value: list(value.values()),
}
_LOOP_METHODS: Mapping[str, Method] = {"cycle": LoopContext.cycle}

METHOD_NAMES = frozenset({*_TEXT_METHODS, *_DICT_METHODS, *_LOOP_METHODS})


def method_of(value: object, name: str) -> Method | None:
    """The method as a function that takes `value` first; None if there is none."""
    if isinstance(value, str):
        return _TEXT_METHODS.get(name)
    if isinstance(value, dict):
        return _DICT_METHODS.get(name)
    if isinstance(value, LoopContext):
        return _LOOP_METHODS.get(name)
    return None


def has_attribute(value: object, name: str) -> bool:
    """Return whether `value.name` may be read."""
    if isinstance(value, LoopContext):
        return name in _LOOP
    return isinstance(value, datetime) and name in _MOMENT
