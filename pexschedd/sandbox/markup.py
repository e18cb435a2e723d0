"""XML as EWS writes and reads it: namespaces, elements, times."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Any

from lxml import etree

from pexschedd.sandbox.errors import SchemaError

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"

_NAMES = {"m": MESSAGES, "t": TYPES}
_T = f"{{{TYPES}}}"
_M = f"{{{MESSAGES}}}"
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
Element = etree._Element


def message(name: str, **attributes: str) -> Element:
    """Return a new element of the messages namespace, without a parent."""
    return etree.Element(_M + name, attributes, nsmap=_NAMES)


def m(
    parent: Element, name: str, text: str | None = None, **attributes: str
) -> Element:
    """Add an element of the messages namespace, and return it."""
    return _add(parent, _M + name, text, attributes)


def t(
    parent: Element, name: str, text: str | None = None, **attributes: str
) -> Element:
    """Add an element of the types namespace, and return it."""
    return _add(parent, _T + name, text, attributes)


def _add(
    parent: Element, tag: str, text: str | None, attributes: dict[str, str]
) -> Element:
    element = etree.SubElement(parent, tag, attributes)
    element.text = text
    return element


def name_of(element: Element) -> str:
    """Return the local name of an element."""
    return etree.QName(element).localname


def find_t(parent: Element, path: str) -> Element | None:
    """Find an element by names in the types namespace, separated by slashes."""
    return parent.find("/".join(_T + name for name in path.split("/")))


def find_m(parent: Element, name: str) -> Element | None:
    """Find a child by its name in the messages namespace."""
    return parent.find(_M + name)


def need_m(parent: Element, name: str) -> Element:
    """Find a child in the messages namespace. Raises `SchemaError` if it is missing."""
    found = parent.find(_M + name)
    if found is None:
        raise missing(parent, name)
    return found


def text_t(parent: Element, path: str) -> str:
    """Return the text of an element in the types namespace, "" if it is missing."""
    found = find_t(parent, path)
    return "" if found is None else found.text or ""


def need(element: Element, attribute: str, choices: tuple[str, ...] = ()) -> str:
    """Return an attribute. Raises `SchemaError` if it is missing or none of
    `choices`."""
    value = element.get(attribute)
    if value is None:
        raise SchemaError(
            f"The required attribute '{attribute}' is missing.", line(element)
        )
    return chosen(element, attribute, value, choices)


def maybe(
    element: Element, attribute: str, choices: tuple[str, ...] = ()
) -> str | None:
    """Return an attribute, or None. Raises `SchemaError` if it is none of `choices`."""
    value = element.get(attribute)
    return None if value is None else chosen(element, attribute, value, choices)


def chosen(
    element: Element, attribute: str, value: str, choices: tuple[str, ...]
) -> str:
    """Return the value. Raises `SchemaError` if it is none of `choices`."""
    if choices and value not in choices:
        raise SchemaError(
            f"The '{attribute}' attribute is invalid - The value '{value}' is invalid "
            "according to its datatype - The Enumeration constraint failed.",
            line(element),
        )
    return value


def need_int(element: Element, attribute: str, low: int, high: int) -> int:
    """Return an attribute that is an integer within bounds. Raises `SchemaError`."""
    return integer(element, need(element, attribute), low, high)


def integer(element: Element, value: str, low: int, high: int) -> int:
    """Return the value as an integer within bounds. Raises `SchemaError`."""
    if not re.fullmatch(r"[+-]?\d{1,10}", value.strip(), re.ASCII) or not (
        low <= int(value) <= high
    ):
        raise SchemaError(
            f"The '{name_of(element)}' element is invalid - '{value}' is not a number "
            f"from {low} to {high}.",
            line(element),
        )
    return int(value)


def boolean(element: Element, value: str) -> bool:
    """Return the value as a Boolean. Raises `SchemaError`."""
    if value.strip() not in ("true", "false", "1", "0"):
        raise SchemaError(
            f"The '{name_of(element)}' element is invalid - The value '{value}' is "
            "not a valid Boolean value.",
            line(element),
        )
    return value.strip() in ("true", "1")


def missing(parent: Element, name: str) -> SchemaError:
    """Return the error that a child of this name is missing."""
    return SchemaError(
        f"The element '{name_of(parent)}' has incomplete content. List of possible "
        f"elements expected: '{name}'.",
        line(parent),
    )


def unexpected(element: Element) -> SchemaError:
    """Return the error that an element stands where it may not."""
    parent = element.getparent()
    inside = name_of(parent) if parent is not None else ""
    return SchemaError(
        f"The element '{inside}' has invalid child element '{name_of(element)}'.",
        line(element),
    )


def line(element: Element) -> int:
    """Return the line of an element in the request, 0 if it is not known."""
    number = element.sourceline
    return number if isinstance(number, int) else 0


def in_order(parent: Element, names: tuple[str, ...]) -> None:
    """Raise `SchemaError` unless the children are among `names` and in their order."""
    places = {name: place for place, name in enumerate(names)}
    last = -1
    for child in parent:
        place = places.get(name_of(child), -1)
        if place < last or place < 0:
            raise unexpected(child)
        last = place


def stamp(moment: datetime) -> str:
    """Return a time as Exchange writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: str, zone: tzinfo = UTC) -> datetime:
    """Return an xs:dateTime in UTC; `zone` applies to one without an offset.

    Raises ValueError.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a valid dateTime value")
    base, fraction, offset = match.groups()
    micro = (fraction or ".0")[1:7].ljust(6, "0")
    try:
        if offset is None:
            naive = datetime.fromisoformat(f"{base}.{micro}")
            return naive.replace(tzinfo=zone).astimezone(UTC)
        return datetime.fromisoformat(f"{base}.{micro}{offset}").astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


def serialise(element: Element) -> bytes:
    """Return the document with an XML declaration."""
    return etree.tostring(element, xml_declaration=True, encoding="utf-8")


def as_text(value: Any) -> str:
    """Return a plain value as XML text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return stamp(value)
    return str(value)
