"""The closed world of template values, and operations on them that cannot grow it.

A template handles text, numbers, bools, None, lists, dicts, ranges and points in time,
and nothing else. Every value has a size, and nothing larger than `MAX_SIZE` ever comes
into being: operations that could grow their input (repetition, replacement, padding)
compute the size of their result before they build it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import Undefined

from pexschedd.errors import TemplateError

MAX_SIZE = 65_536
"""Characters of a text; for a container the sum over everything in it."""
_ELEMENT = 8
"""Characters that an element of a container counts for, beside its own size."""
_MAX_BITS = 4_096
"""Of a whole number. Its decimal digits stay below Python's own conversion limit."""
_MAX_WIDTH = 1_000
"""Of padding and of printf-style fields, in characters."""
_MAX_EXPONENT = 1_000


def too_large() -> TemplateError:
    """Return the error for a value that grows too large."""
    return TemplateError(f"a value grows beyond {MAX_SIZE} characters")


def size_of(value: object) -> int:
    """Characters and elements in `value`; raises TemplateError beyond `MAX_SIZE`."""
    total = 0
    pending: list[object] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str | range):
            total += len(item)
        elif item is None or isinstance(item, float | datetime | Undefined):
            total += 1
        elif isinstance(item, int):
            if item.bit_length() > _MAX_BITS:
                raise TemplateError("a number is too large")
            total += 1 + item.bit_length() // 8
        elif isinstance(item, list | tuple):
            total += len(item) * _ELEMENT + 1
            pending.extend(item)
        elif isinstance(item, dict):
            total += len(item) * _ELEMENT + 1
            pending.extend(item)
            pending.extend(item.values())
        else:
            raise TemplateError(f"{type(item).__name__} is no text, number or list")
        if total > MAX_SIZE:
            raise too_large()
    return total


def plain(value: object) -> Any:
    """A caller's value as a template value; raises TypeError for anything foreign.

    Subclasses of text lose their class, so that nobody can pass markup as "safe".
    """
    if value is None or isinstance(value, bool | int | float | datetime):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not a template value")


def text_of(value: object) -> str:
    """Return what `{{ value }}` shows: nothing at all for None and for undefined
    values."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    size_of(value)
    text = str(value)
    if len(text) > MAX_SIZE:
        raise too_large()
    return text


def items_of(value: object) -> Sequence[Any]:
    """The elements of something that can be gone through; a dict gives its keys."""
    if isinstance(value, str | list | tuple | range):
        return value
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, Undefined):
        return ()
    raise TemplateError(f"{type(value).__name__} has no elements to go through")


def bounded_range(*limits: int) -> range:
    """`range` with at most `MAX_SIZE` elements."""
    result = range(*limits)
    # Not len(): it overflows for ranges that are larger than a machine word.
    if len(result[: MAX_SIZE + 1]) > MAX_SIZE:
        raise TemplateError(f"a range has more than {MAX_SIZE} elements")
    return result


def concatenated(parts: Iterable[object]) -> str:
    """The parts' texts one after the other."""
    return joined("", list(parts))


def joined(separator: object, parts: object) -> str:
    """Join the texts of `parts`; raises `TemplateError` if the result is too large."""
    texts = [text_of(part) for part in items_of(parts)]
    between = text_of(separator)
    size = sum(map(len, texts)) + len(between) * max(len(texts) - 1, 0)
    if size > MAX_SIZE:
        raise too_large()
    return between.join(texts)


def replaced(value: object, old: object, new: object, count: int | None = None) -> str:
    """Replace text; raises `TemplateError` if the result is too large."""
    text, find, put = text_of(value), text_of(old), text_of(new)
    found = text.count(find)
    times = found if count is None or count < 0 else min(found, count)
    if len(text) + times * (len(put) - len(find)) > MAX_SIZE:
        raise too_large()
    return text.replace(find, put, times)


def checked_width(width: int) -> int:
    """Return the width of a field; raises `TemplateError` if it is too large."""
    if width > _MAX_WIDTH:
        raise TemplateError(f"a field is wider than {_MAX_WIDTH} characters")
    return width


def multiplied(left: Any, right: Any) -> Any:
    """Multiply, repeating texts and lists within bounds; raises `TemplateError`
    beyond."""
    if isinstance(left, int):
        left, right = right, left
    if isinstance(left, str | list | tuple) and isinstance(right, int):
        if size_of(left) * max(right, 0) > MAX_SIZE:
            raise too_large()
        return left * right
    return left * right


def power(base: Any, exponent: Any) -> Any:
    """Raise to a power within bounds; raises `TemplateError` beyond."""
    if isinstance(base, int) and isinstance(exponent, int):
        bits = base.bit_length() * abs(exponent)
        if abs(exponent) > _MAX_EXPONENT or bits > _MAX_BITS:
            raise TemplateError("a number is too large")
    return base**exponent


_FIELD = re.compile(
    r"%(?:\((?P<key>[^()]*)\))?[#0\- +]*(?P<width>\*|\d*)"
    r"(?:\.(?P<precision>\*|\d*))?(?P<type>.?)",
    re.DOTALL,
)


def printf(form: str, arguments: Any) -> str:
    """`form % arguments` with bounded widths, without `*` and without `%r`, `%a`."""
    values = arguments if isinstance(arguments, dict | tuple) else (arguments,)
    largest = max(
        (len(text_of(v)) for v in _values(values)),
        default=0,
    )
    size = len(form)
    for field in _FIELD.finditer(form):
        if field["type"] not in "diouxXeEfFgGcs%" or not field["type"]:
            raise TemplateError(f'"{field[0][:20]}" cannot be used in a format')
        for width in (field["width"], field["precision"] or ""):
            if width == "*" or len(width) > 4:
                raise TemplateError(f'"{field[0][:20]}" is too wide for a format')
            size += checked_width(int(width or 0))
        if field["type"] != "%":
            size += largest
        if size > MAX_SIZE:
            raise too_large()
    return str(form % arguments)


def _values(arguments: Any) -> Iterable[object]:
    return arguments.values() if isinstance(arguments, dict) else arguments
