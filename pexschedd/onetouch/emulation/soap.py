"""SOAP 1.1 as Exchange answers it: requests are read, answers and faults are written.
Pure.

What comes in is hostile: no document type, no entities, no comments, one operation.
Elements are read by local name, since clients of different ages disagree about the
namespaces of some; they are written in the order of Exchange's schema, whose types are
all sequences.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
from lxml import etree

Element: TypeAlias = etree._Element
"""An element, as lxml has no public name for it."""

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
_NAMES = {"m": MESSAGES, "t": TYPES}
_SERVER = {
    "MajorVersion": "15",
    "MinorVersion": "2",
    "MajorBuildNumber": "2562",
    "MinorBuildNumber": "17",
    "Version": "V2017_07_11",
}
"""The server's version in answers: that of Exchange Server SE."""

Answerer = Callable[[Element], None]
"""Fills a response message; raises `ExchangeRefusal`."""


class ExchangeRefusal(Exception):
    """A refusal in Exchange's own words: of a whole request, or of one thing in it."""

    def __init__(self, code: str, text: str = "") -> None:
        self.code = code
        """A response code of Exchange's schema."""
        self.text = text or _TEXTS.get(code, "The request failed.")
        super().__init__(f"{code}: {self.text}")


_TEXTS = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorImpersonateUserDenied": (
        "The account does not have permission to impersonate the requested user."
    ),
    "ErrorMailboxStoreUnavailable": (
        "The mailbox database is temporarily unavailable. The room's calendar has not "
        "been read yet."
    ),
    "ErrorCalendarViewRangeTooBig": (
        "The specified view range exceeds the maximum range of two years."
    ),
    "ErrorCalendarEndDateIsEarlierThanStartDate": (
        "EndDate is earlier than StartDate."
    ),
    "ErrorInvalidSyncStateData": "The synchronization state data is corrupt.",
    "ErrorSubscriptionNotFound": "The subscription was not found; subscribe again.",
    "ErrorInvalidWatermark": "The watermark is not of this subscription.",
    "ErrorNameResolutionNoResults": "No results were found.",
}


class SoapCall(msgspec.Struct, frozen=True):
    """One request of a client."""

    operation: str
    """The local name of the operation's element, at most 80 characters."""
    element: Element
    zone: str
    """The time zone in which times without an offset are meant, as the client names
    it; "UTC" if it does not."""
    acting_for: str
    """The mailbox that the client wants to act for, empty if it names none."""


# Reading


def read_call(body: bytes) -> SoapCall:
    """Return the request in a body; raises `ExchangeRefusal` for anything but EWS."""
    root = parse_xml(body)
    if local_name(root) != "Envelope":
        raise schema_error(f"'{local_name(root)}' is not a SOAP envelope.")
    operations = list(children(child(root, "Body")))
    if len(operations) != 1:
        raise schema_error("The SOAP body must hold exactly one request.")
    header = child(root, "Header")
    definition = child(header, "TimeZoneContext", "TimeZoneDefinition")
    sid = child(header, "ExchangeImpersonation", "ConnectingSID")
    name = next(children(sid), None)
    return SoapCall(
        local_name(operations[0])[:80],
        operations[0],
        "UTC" if definition is None else definition.get("Id", "UTC")[:100],
        "" if name is None else (name.text or "").strip()[:320],
    )


def parse_xml(body: bytes) -> Element:
    """Return the root of a document; raises `ExchangeRefusal` if it is none, or has a
    document type."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise schema_error("The request is not well-formed XML.") from None
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise schema_error("For security reasons DTD is prohibited in this document.")
    return root


def schema_error(text: str) -> ExchangeRefusal:
    """Return the refusal of a request that breaks the schema."""
    return ExchangeRefusal(
        "ErrorSchemaValidation", f"The request failed schema validation: {text}"
    )


def local_name(element: Element) -> str:
    """Return an element's name without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element | None, name: str = "") -> Iterator[Element]:
    """Return the children of this name, or all; none if there is no element."""
    if element is None:
        return iter(())
    return element.iterchildren(f"{{*}}{name}" if name else "*")


def child(element: Element | None, *path: str) -> Element | None:
    """Return the first descendant along a path of names, None if there is none."""
    for name in path:
        if element is None:
            return None
        element = next(element.iterchildren(f"{{*}}{name}"), None)
    return element


def text_of(element: Element | None, *path: str) -> str:
    """Return the text of a descendant, empty if it is not there."""
    found = child(element, *path)
    return "" if found is None else (found.text or "").strip()


def needed(element: Element, name: str) -> Element:
    """Return the child of this name; raises `ExchangeRefusal` if it is missing."""
    found = child(element, name)
    if found is None:
        raise schema_error(
            f"The element '{local_name(element)}' has incomplete content. List of "
            f"possible elements expected: '{name}'."
        )
    return found


def listed(element: Element, name: str, most: int) -> list[Element]:
    """Return the elements of a needed list; raises `ExchangeRefusal` for an empty one
    and for more than `most`."""
    found = list(children(needed(element, name)))
    if not found:
        raise schema_error(f"The element '{name}' has incomplete content.")
    if len(found) > most:
        raise ExchangeRefusal(
            "ErrorInvalidRequest", f"'{name}' holds more than {most} elements."
        )
    return found


def whole_number(text: str, low: int, high: int, what: str) -> int:
    """Return a text as a number within bounds; raises `ExchangeRefusal`."""
    if not re.fullmatch(r"\+?[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise schema_error(f"'{what}' must be a number from {low} to {high}.")
    return int(text)


# Writing

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def add_t(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    """Add an element of the types namespace. What XML cannot carry is left out."""
    return _add(parent, f"{{{TYPES}}}{name}", text, attributes)


def add_m(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    """Add an element of the messages namespace; see `add_t`."""
    return _add(parent, f"{{{MESSAGES}}}{name}", text, attributes)


def _add(parent: Element, tag: str, text: str, attributes: dict[str, str]) -> Element:
    element = etree.SubElement(parent, tag, attributes)
    if text:
        element.text = _ILLEGAL.sub("", text)
    return element


def new_message(name: str, **attributes: str) -> Element:
    """Return an element of the messages namespace without a parent."""
    return etree.Element(f"{{{MESSAGES}}}{name}", attributes, nsmap=_NAMES)


def yes_or_no(value: bool) -> str:
    """Return a truth value as XML has it."""
    return "true" if value else "false"


def stamp(moment: datetime) -> str:
    """Return a time as Exchange writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def response_messages(
    name: str, answerers: Sequence[Answerer], container: str = ""
) -> Element:
    """Return an operation's response: a message for each thing that was asked for, in
    the same order. `container` is the empty element that refusals have as well."""
    response = new_message(f"{name}Response")
    messages = add_m(response, "ResponseMessages")
    for answer in answerers:
        good = add_m(messages, f"{name}ResponseMessage", ResponseClass="Success")
        add_m(good, "ResponseCode", "NoError")
        try:
            answer(good)
        except ExchangeRefusal as refusal:
            messages.remove(good)
            bad = add_m(messages, f"{name}ResponseMessage", ResponseClass="Error")
            add_m(bad, "MessageText", refusal.text)
            add_m(bad, "ResponseCode", refusal.code)
            add_m(bad, "DescriptiveLinkKey", "0")
            if container:
                add_m(bad, container)
    return response


def envelope_of(response: Element) -> bytes:
    """Return the document that carries a response."""
    envelope = _envelope()
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(response)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def fault_of(refusal: ExchangeRefusal) -> bytes:
    """Return the SOAP fault that refuses a whole request; its status is 500."""
    envelope = _envelope()
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    fault = etree.SubElement(body, f"{{{SOAP}}}Fault")
    etree.SubElement(fault, "faultcode", nsmap={"a": TYPES}).text = f"a:{refusal.code}"
    said = etree.SubElement(fault, "faultstring")
    said.set("{http://www.w3.org/XML/1998/namespace}lang", "en-US")
    said.text = _ILLEGAL.sub("", refusal.text)
    detail = etree.SubElement(fault, "detail")
    names = {"e": ERRORS}
    code = etree.SubElement(detail, f"{{{ERRORS}}}ResponseCode", nsmap=names)
    code.text = refusal.code
    words = etree.SubElement(detail, f"{{{ERRORS}}}Message", nsmap=names)
    words.text = said.text
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def _envelope() -> Element:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"s": SOAP})
    header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
    etree.SubElement(
        header, f"{{{TYPES}}}ServerVersionInfo", _SERVER, nsmap={"h": TYPES}
    )
    return envelope
