"""Restrictions: search expressions compiled to tests of items."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items.records import Item
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.properties import extended_properties
from pexschedd.sandbox.properties.catalogue import PROPERTIES
from pexschedd.sandbox.properties.response_shape import read_uri
from pexschedd.sandbox.properties.value_types import Comparable, comparables

Test = Callable[[Item, SandboxMailbox], bool]
Reader = Callable[[Item, SandboxMailbox], tuple[Comparable, ...]]
_GOID = "6ed8da90-450b-101b-98da-00aa003f1305:0x0023"
_PATHS = ("FieldURI", "ExtendedFieldURI", "IndexedFieldURI")


@dataclass(frozen=True)
class PropertyPath:
    """A property to search or to sort by."""

    read: Reader
    parse: Callable[[str, tzinfo], Comparable] | None
    name: str
    is_goid: bool = False


def path_in(parent: Element) -> PropertyPath:
    """Return the first property that a search expression or a field order names."""
    for child in parent:
        if markup.name_of(child) in _PATHS:
            return _path(child)
    raise markup.missing(parent, "FieldURI")


def _path(element: Element) -> PropertyPath:
    kind = markup.name_of(element)
    if kind == "ExtendedFieldURI":
        key = extended_properties.ExtendedKey.read(element)

        def read_extended(
            item: Item, mailbox: SandboxMailbox
        ) -> tuple[Comparable, ...]:
            return comparables(extended_properties.value_of(key, item, mailbox))

        def parse(text: str, zone: tzinfo) -> Comparable:
            del zone
            return comparables(key.parse(text))[0]

        return PropertyPath(read_extended, parse, key.text, is_goid=key.text == _GOID)
    if kind == "IndexedFieldURI":
        raise EwsError("ErrorUnsupportedPathForQuery")
    uri = read_uri(element)
    found = PROPERTIES.get(uri)
    if found is None or not found.searchable:
        raise EwsError("ErrorUnsupportedPathForQuery", f"{uri} cannot be searched for.")
    kinds, get = found.kinds, found.get

    def read_property(item: Item, mailbox: SandboxMailbox) -> tuple[Comparable, ...]:
        return comparables(get(item, mailbox)) if item.kind in kinds else ()

    return PropertyPath(read_property, found.type.parse, uri)


def compile_restriction(element: Element, zone: tzinfo) -> Test:
    """Return the test of a Restriction element. Raises `EwsError`."""
    if len(element) != 1:
        raise markup.missing(element, "SearchExpression")
    return _compile(element[0], zone, 0)


def goid_wanted(element: Element | None, zone: tzinfo) -> bytes | None:
    """Return the global object id that a restriction asks for, if it asks for nothing
    else: such a search can use the index instead of looking at every item."""
    if element is None or len(element) != 1:
        return None
    expression = element[0]
    if markup.name_of(expression) != "IsEqualTo":
        return None
    path = path_in(expression)
    if not path.is_goid:
        return None
    wanted = _constant(expression, path, zone)
    return wanted if isinstance(wanted, bytes) else None


def _compile(element: Element, zone: tzinfo, depth: int) -> Test:
    name = markup.name_of(element)
    if depth > 64:
        raise EwsError("ErrorRestrictionTooComplex")
    if name in ("And", "Or"):
        parts = [_compile(child, zone, depth + 1) for child in element]
        if not parts:
            raise markup.missing(element, "SearchExpression")
        return _all(parts) if name == "And" else _any(parts)
    if name == "Not":
        if len(element) != 1:
            raise markup.missing(element, "SearchExpression")
        inner = _compile(element[0], zone, depth + 1)
        return lambda item, mailbox: not inner(item, mailbox)
    path = path_in(element)
    read = path.read
    if name == "Exists":
        return lambda item, mailbox: bool(read(item, mailbox))
    if name == "Contains":
        return _contains(element, read)
    if name == "Excludes":
        mask = markup.find_t(element, "Bitmask")
        if mask is None:
            raise markup.missing(element, "Bitmask")
        bits = int(markup.need(mask, "Value"), 0)
        return lambda item, mailbox: all(
            isinstance(value, int) and not value & bits for value in read(item, mailbox)
        )
    return _comparison(element, name, path, zone)


def _all(parts: Sequence[Test]) -> Test:
    return lambda item, mailbox: all(part(item, mailbox) for part in parts)


def _any(parts: Sequence[Test]) -> Test:
    return lambda item, mailbox: any(part(item, mailbox) for part in parts)


def _contains(element: Element, read: Reader) -> Test:
    constant = markup.find_t(element, "Constant")
    if constant is None:
        raise markup.missing(element, "Constant")
    wanted = markup.need(constant, "Value").casefold()
    mode = element.get("ContainmentMode", "FullString")
    tests: dict[str, Callable[[str], bool]] = {
        "FullString": lambda text: text == wanted,
        "Prefixed": lambda text: text.startswith(wanted),
        "Substring": lambda text: wanted in text,
        "PrefixOnWords": lambda text: any(
            word.startswith(wanted) for word in text.split()
        ),
        "ExactPhrase": lambda text: f" {wanted} " in f" {text} ",
    }
    test = tests.get(mode)
    if test is None:
        raise markup.unexpected(element)

    def contains(item: Item, mailbox: SandboxMailbox) -> bool:
        for value in read(item, mailbox):
            if isinstance(value, str) and test(value):
                return True
        return False

    return contains


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "IsEqualTo": lambda one, other: bool(one == other),
    "IsGreaterThan": lambda one, other: bool(one > other),
    "IsGreaterThanOrEqualTo": lambda one, other: bool(one >= other),
    "IsLessThan": lambda one, other: bool(one < other),
    "IsLessThanOrEqualTo": lambda one, other: bool(one <= other),
}


def _comparison(element: Element, name: str, path: PropertyPath, zone: tzinfo) -> Test:
    other = markup.find_t(element, "FieldURIOrConstant")
    if other is None:
        raise markup.missing(element, "FieldURIOrConstant")
    if name == "IsNotEqualTo":
        equal = _comparison_test("IsEqualTo", element, path, other, zone)
        return lambda item, mailbox: not equal(item, mailbox)
    if name not in _COMPARISONS:
        raise markup.unexpected(element)
    return _comparison_test(name, element, path, other, zone)


def _comparison_test(
    name: str, element: Element, path: PropertyPath, other: Element, zone: tzinfo
) -> Test:
    compare, read = _COMPARISONS[name], path.read
    if markup.find_t(other, "Constant") is None:
        read_other = path_in(other).read

        def against_property(item: Item, mailbox: SandboxMailbox) -> bool:
            theirs = read_other(item, mailbox)
            return any(
                type(mine) is type(each) and compare(mine, each)
                for mine in read(item, mailbox)
                for each in theirs
            )

        return against_property
    wanted = _constant(element, path, zone)

    def against_constant(item: Item, mailbox: SandboxMailbox) -> bool:
        for value in read(item, mailbox):
            if type(value) is type(wanted) and compare(value, wanted):
                return True
        return False

    return against_constant


def _constant(element: Element, path: PropertyPath, zone: tzinfo) -> Comparable:
    constant = markup.find_t(element, "FieldURIOrConstant/Constant")
    if constant is None or path.parse is None:
        raise EwsError("ErrorUnsupportedPathForQuery")
    text = markup.need(constant, "Value")
    try:
        return path.parse(text, zone)
    except ValueError:
        raise EwsError(
            "ErrorInvalidValueForProperty",
            f"{text!r} is no value for {path.name}.",
        ) from None
