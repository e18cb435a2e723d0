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
    """A new element of the messages namespace, without a parent."""
    return etree.Element(_M + name, attributes, nsmap=_NAMES)


def m(
    parent: Element, name: str, text: str | None = None, **attributes: str
) -> Element:
    """Adds an element of the messages namespace."""
    return _add(parent, _M + name, text, attributes)


def t(
    parent: Element, name: str, text: str | None = None, **attributes: str
) -> Element:
    """Adds an element of the types namespace."""
    return _add(parent, _T + name, text, attributes)


def _add(
    parent: Element, tag: str, text: str | None, attributes: dict[str, str]
) -> Element:
    element = etree.SubElement(parent, tag, attributes)
    element.text = text
    return element


def name_of(element: Element) -> str:
    """The local name."""
    return etree.QName(element).localname


def find_t(parent: Element, path: str) -> Element | None:
    """By names in the types namespace, separated by slashes."""
    return parent.find("/".join(_T + name for name in path.split("/")))


def find_m(parent: Element, name: str) -> Element | None:
    return parent.find(_M + name)


def need_m(parent: Element, name: str) -> Element:
    found = parent.find(_M + name)
    if found is None:
        raise missing(parent, name)
    return found


def text_t(parent: Element, path: str) -> str:
    """The text of a child in the types namespace, "" if there is none."""
    found = find_t(parent, path)
    return "" if found is None else found.text or ""


def need(element: Element, attribute: str, choices: tuple[str, ...] = ()) -> str:
    """An attribute that has to be there."""
    value = element.get(attribute)
    if value is None:
        raise SchemaError(
            f"The required attribute '{attribute}' is missing.", line(element)
        )
    return chosen(element, attribute, value, choices)


def maybe(
    element: Element, attribute: str, choices: tuple[str, ...] = ()
) -> str | None:
    """An attribute that may be missing."""
    value = element.get(attribute)
    return None if value is None else chosen(element, attribute, value, choices)


def chosen(
    element: Element, attribute: str, value: str, choices: tuple[str, ...]
) -> str:
    if choices and value not in choices:
        raise SchemaError(
            f"The '{attribute}' attribute is invalid - The value '{value}' is invalid "
            "according to its datatype - The Enumeration constraint failed.",
            line(element),
        )
    return value


def need_int(element: Element, attribute: str, low: int, high: int) -> int:
    return integer(element, need(element, attribute), low, high)


def integer(element: Element, value: str, low: int, high: int) -> int:
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
    if value.strip() not in ("true", "false", "1", "0"):
        raise SchemaError(
            f"The '{name_of(element)}' element is invalid - The value '{value}' is "
            "not a valid Boolean value.",
            line(element),
        )
    return value.strip() in ("true", "1")


def missing(parent: Element, name: str) -> SchemaError:
    return SchemaError(
        f"The element '{name_of(parent)}' has incomplete content. List of possible "
        f"elements expected: '{name}'.",
        line(parent),
    )


def unexpected(element: Element) -> SchemaError:
    parent = element.getparent()
    inside = name_of(parent) if parent is not None else ""
    return SchemaError(
        f"The element '{inside}' has invalid child element '{name_of(element)}'.",
        line(element),
    )


def line(element: Element) -> int:
    number = element.sourceline
    return number if isinstance(number, int) else 0


def in_order(parent: Element, names: tuple[str, ...]) -> None:
    """Raises unless the children are among `names` and in their order."""
    places = {name: place for place, name in enumerate(names)}
    last = -1
    for child in parent:
        place = places.get(name_of(child), -1)
        if place < last or place < 0:
            raise unexpected(child)
        last = place


def stamp(moment: datetime) -> str:
    """A time as Exchange writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: str, zone: tzinfo = UTC) -> datetime:
    """An xs:dateTime in UTC; without an offset it is meant in `zone`.

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
    return etree.tostring(element, xml_declaration=True, encoding="utf-8")


def as_text(value: Any) -> str:
    """A plain value as XML text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return stamp(value)
    return str(value)
