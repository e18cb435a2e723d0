"""SOAP 1.1 as Exchange speaks it: building requests and reading answers.

Requests are built with `m` and `t`, which take the children in the order they are
given: every type in the schema is a sequence, and the server refuses another order.
Answers are read by local name, because servers of different ages disagree about the
namespaces of some elements.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec
from lxml import etree

Element: TypeAlias = etree._Element
"""An element, as lxml has no public name for it."""

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_NAMESPACES = {"s": SOAP, "m": MESSAGES, "t": TYPES}

SERVER_VERSION = "Exchange2013_SP1"
"""Understood by Exchange 2013 SP1 and everything after it, and enough for us."""

_OLDER_VERSION = "Exchange2010_SP2"
"""For servers that do not know ours. All that it lacks of what we ask for is the body
as text, which HTML can stand in for."""
_NEWER_FIELD = b'<t:FieldURI FieldURI="item:TextBody"/>'

MAX_TEXT = 300
"""Characters of a server's message that are worth showing."""


class Sid(StrEnum):
    """The kind of name by which a request says whom it acts for."""

    PRIMARY = "PrimarySmtpAddress"
    """By its primary address; the server minds any other."""
    ANY = "SmtpAddress"
    """By any address that it has."""


class SoapError(Exception):
    """The answer holds no result."""


class NotSoap(SoapError):
    """The answer is not what an Exchange server says: a login page, a torn document,
    another number of results than was asked for."""


class ItemProblem(msgspec.Struct, frozen=True):
    """The server's complaint about one item, or about the whole request."""

    code: str
    """A response code, such as "ErrorItemNotFound"."""
    text: str = ""
    back_off: float | None = None
    """Seconds, when the server asks for a pause."""


class ServerError(SoapError):
    """The server refused the whole request."""

    def __init__(self, problem: ItemProblem) -> None:
        self.problem = problem
        super().__init__(f"{problem.code}: {problem.text}")

    def __reduce__(self) -> "tuple[type[ServerError], tuple[ItemProblem]]":
        """Pickle by the problem: answers are parsed in other processes."""
        return type(self), (self.problem,)


# Building


def m(name: str, *content: Element | str, **attributes: str) -> Element:
    """An element of an operation; see `t`."""
    return _element(MESSAGES, name, content, attributes)


def t(name: str, *content: Element | str, **attributes: str) -> Element:
    """An element of a type. Texts may hold anything: what XML cannot carry is left
    out."""
    return _element(TYPES, name, content, attributes)


def _element(
    namespace: str,
    name: str,
    content: tuple[Element | str, ...],
    attributes: Mapping[str, str],
) -> Element:
    element = etree.Element(f"{{{namespace}}}{name}", nsmap=_NAMESPACES)
    for key, value in attributes.items():
        element.set(key, clean(value))
    for part in content:
        if isinstance(part, str):
            element.text = clean(part)
        else:
            element.append(part)
    return element


def request(operation: Element, mailbox: str, sid: Sid = Sid.PRIMARY) -> bytes:
    """The whole request, acting as the owner of `mailbox`."""
    envelope = _element(SOAP, "Envelope", (), {})
    envelope.append(
        _element(
            SOAP,
            "Header",
            (
                t("RequestServerVersion", Version=SERVER_VERSION),
                t(
                    "ExchangeImpersonation",
                    t("ConnectingSID", t(sid, mailbox)),
                ),
            ),
            {},
        )
    )
    envelope.append(_element(SOAP, "Body", (operation,), {}))
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


_OPERATION = re.compile(rb"<s:Body><m:(\w+)")


def operation_of(request: bytes) -> str:
    """Return the name of the operation that one of our requests is for."""
    found = _OPERATION.search(request)
    return found[1].decode("ascii") if found else "unknown"


def in_older_version(request: bytes) -> bytes:
    """The same request for a server of an earlier generation."""
    old = f'Version="{SERVER_VERSION}"'.encode()
    new = f'Version="{_OLDER_VERSION}"'.encode()
    return request.replace(old, new, 1).replace(_NEWER_FIELD, b"", 1)


_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot carry."""
    return _ILLEGAL.sub("", text)


# Reading

_PROLOGUE = re.compile(rb"(?:<\?.*?\?>\s*|<!--.*?-->\s*)*", re.DOTALL)
_ILLEGAL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_REFERENCE = re.compile(rb"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));")
_CLOSED = re.compile(rb"</(?:[\w.-]+:)?Envelope\s*>\s*\Z")


def parse(data: bytes) -> Element:
    """The operation's response element.

    Raises `ServerError` for a SOAP fault and `NotSoap` for anything that is not SOAP.
    """
    root = document(data)
    if local_name(root) != "Envelope":
        raise NotSoap(f"the answer is a <{local_name(root)[:40]}>, not SOAP")
    response = next(children(child(root, "Body")), None)
    if response is None:
        raise NotSoap("the SOAP body is empty")
    if local_name(response) == "Fault":
        raise ServerError(_fault(response))
    return response


def document(data: bytes) -> Element:
    """The root of an XML document without a document type. Raises `NotSoap`."""
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    prologue = _PROLOGUE.match(data)
    start = prologue.end() if prologue else 0
    if not data.startswith(b"<") or b"\x00" in data[:4]:
        raise NotSoap("the answer is not XML")
    # No document type, no entities: SOAP forbids them and only an attack needs them.
    if data[start : start + 9].upper() == b"<!DOCTYPE":
        raise NotSoap("the answer is a web page, not SOAP")
    return _parse_xml(data)


def _parse_xml(data: bytes) -> Element:
    try:
        return _checked(etree.fromstring(data, _parser(recover=False)))
    except (etree.XMLSyntaxError, ValueError):
        pass
    # Exchange passes on control characters that senders put into their messages. Only
    # a complete document is worth repairing: a torn one would look like a short one.
    if not _CLOSED.search(data[-200:]):
        raise NotSoap("the answer is not complete XML")
    data = _REFERENCE.sub(_legal_reference, _ILLEGAL_BYTES.sub(b"", data))
    try:
        root = etree.fromstring(data, _parser(recover=True))
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise NotSoap("the answer is not XML")
    return _checked(root)


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=True,  # a body may be longer than 10 MB; the transport has the limit
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


def _checked(root: Element) -> Element:
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotSoap("the answer has a document type")
    return root


def _legal_reference(match: re.Match[bytes]) -> bytes:
    digits = match[1] or match[2]
    value = int(digits, 16 if match[1] else 10) if len(digits) < 9 else 0x110000
    legal = value <= 0x10FFFF and not _ILLEGAL.match(chr(value))
    return match[0] if legal else b""


def local_name(element: Element) -> str:
    """Return an element's name without its namespace; empty for comments and the
    like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element | None, name: str = "") -> Iterator[Element]:
    """The children of this name, or all; none when there is no element."""
    if element is None:
        return iter(())
    return element.iterchildren(f"{{*}}{name}" if name else "*")


def child(element: Element | None, *path: str) -> Element | None:
    """The first descendant along a path of names, if it is there."""
    for name in path:
        if element is None:
            return None
        # Not `children`: this is called a hundred times for each message.
        element = next(element.iterchildren(f"{{*}}{name}"), None)
    return element


def text(element: Element | None, *path: str) -> str:
    """The text of a descendant, empty if it is not there."""
    found = child(element, *path)
    return (found.text or "") if found is not None else ""


class ItemResult(msgspec.Struct, frozen=True):
    """One response message: what became of one thing that was asked for."""

    element: Element
    problem: ItemProblem | None
    """None when it went well."""


def results(response: Element, expected: int | None = None) -> list[ItemResult]:
    """The response messages, in the order of the request.

    Raises `NotSoap` when there are not `expected` of them.
    """
    found = [_result(each) for each in children(child(response, "ResponseMessages"))]
    if expected is not None and len(found) != expected:
        raise NotSoap(f"{len(found)} results came back for {expected} things asked for")
    return found


def only_result(response: Element) -> Element:
    """The single response message; its problem is the whole request's."""
    result = results(response, 1)[0]
    if result.problem is not None:
        raise ServerError(result.problem)
    return result.element


def _result(element: Element) -> ItemResult:
    code = text(element, "ResponseCode").strip()
    # A warning without a code of its own is advice, not a failure.
    well = element.get("ResponseClass") == "Success" or code == "NoError"
    return ItemResult(
        element,
        None
        if well
        else _problem(
            code or "ErrorInternalServerError",
            text(element, "MessageText"),
            child(element, "MessageXml"),
        ),
    )


def _fault(fault: Element) -> ItemProblem:
    """Read SOAP 1.1 faults, and those of 1.2 that some front ends send."""
    detail = child(fault, "detail")
    if detail is None:
        detail = child(fault, "Detail")
    code = text(detail, "ResponseCode") or text(fault, "faultcode").rpartition(":")[2]
    message = (
        text(detail, "Message")
        or text(fault, "faultstring")
        or text(fault, "Reason", "Text")
    )
    return _problem(code.strip() or "ErrorInternalServerError", message, detail)


def _problem(code: str, message: str, around: Element | None) -> ItemProblem:
    """Look for the named values below `around`: their namespace and depth vary."""
    values = {
        each.get("Name", ""): (each.text or "").strip()
        for each in (around.iter() if around is not None else ())
        if local_name(each) == "Value"
    }
    milliseconds = values.get("BackOffMilliseconds", "")
    return ItemProblem(
        # The outer code of a wrapped error says nothing.
        code=_short(values.get("InnerErrorResponseCode") or code),
        text=_short(values.get("InnerErrorMessageText") or message),
        back_off=(
            int(milliseconds) / 1000
            if milliseconds.isdecimal() and len(milliseconds) < 10
            else None
        ),
    )


def _short(message: str) -> str:
    return " ".join(message.split())[:MAX_TEXT]
