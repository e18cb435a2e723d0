"""Autodiscover, plain (POX) and SOAP: the address of the emulated server. Pure.

A client that has signed in learns the address for its own room, and nothing about any
other mailbox.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from lxml import etree

from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from pexschedd.onetouch.emulation.soap import (
    SOAP,
    Element,
    ExchangeRefusal,
    child,
    children,
    local_name,
    parse_xml,
    text_of,
)

_ANSWER = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_OUTLOOK = (
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)
_SOAP = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"

_MOST_USERS, _MOST_SETTINGS = 10, 100


class DiscoverAnswer(msgspec.Struct, frozen=True):
    """The answer to a question, always with the status 200."""

    body: bytes
    refused: str = ""
    """The reason for the log if the question was not answered."""


def _by_default(namespace: str) -> Any:
    """A map for a namespace without a prefix, which the type hints do not know."""
    return {None: namespace}


def answer_pox(body: bytes, room: EmulatedRoom, ews_url: str) -> DiscoverAnswer:
    """Return the answer to a plain question about a mailbox."""
    root = etree.Element(f"{{{_ANSWER}}}Autodiscover", nsmap=_by_default(_ANSWER))
    try:
        asked = parse_xml(body)
    except ExchangeRefusal:
        return _pox_error(root, room, "600", "Invalid Request")
    address = text_of(asked, "Request", "EMailAddress")
    if not address:
        return _pox_error(root, room, "600", "Invalid Request")
    if not room.is_own(address):
        return _pox_error(root, room, "500", "The e-mail address cannot be found.")
    add = _adder(_OUTLOOK)
    response = etree.SubElement(
        root, f"{{{_OUTLOOK}}}Response", nsmap=_by_default(_OUTLOOK)
    )
    user = add(response, "User")
    add(user, "DisplayName", room.name or room.email)
    add(user, "LegacyDN", f"/o=rooms/cn={room.folder_id('root').replace('/', '-')}")
    add(user, "AutoDiscoverSMTPAddress", room.email)
    account = add(response, "Account")
    add(account, "AccountType", "email")
    add(account, "Action", "settings")
    for kind in ("EXCH", "EXPR"):
        protocol = add(account, "Protocol")
        add(protocol, "Type", kind)
        add(protocol, "Server", _host(ews_url))
        add(protocol, "ASUrl", ews_url)
        add(protocol, "EwsUrl", ews_url)
    return DiscoverAnswer(_document(root))


def _pox_error(
    root: Element, room: EmulatedRoom, code: str, text: str
) -> DiscoverAnswer:
    add = _adder(_ANSWER)
    error = add(add(root, "Response"), "Error")
    error.set("Time", room.now.strftime("%H:%M:%S.000"))
    error.set("Id", "0")
    add(error, "ErrorCode", code)
    add(error, "Message", text)
    add(error, "DebugData")
    return DiscoverAnswer(_document(root), f"{code}: {text}")


def answer_soap(body: bytes, room: EmulatedRoom, ews_url: str) -> DiscoverAnswer:
    """Return the answer to GetUserSettings; other operations are refused."""
    try:
        asked = next(children(child(parse_xml(body), "Body")), None)
    except ExchangeRefusal:
        asked = None
    name = "" if asked is None else local_name(asked)
    if name != "GetUserSettingsRequestMessage":
        return _soap_answer(
            "", "InvalidRequest", f"{name[:80] or 'It'} is not answered."
        )
    request = child(asked, "Request")
    users = list(children(child(request, "Users"), "User"))
    settings = list(children(child(request, "RequestedSettings"), "Setting"))
    if not users or len(users) > _MOST_USERS or len(settings) > _MOST_SETTINGS:
        return _soap_answer("GetUserSettings", "InvalidRequest", "Too many, or none.")
    wanted = dict.fromkeys((each.text or "").strip() for each in settings)
    known = {
        "UserDisplayName": room.name or room.email,
        "AutoDiscoverSMTPAddress": room.email,
        "InternalEwsUrl": ews_url,
        "ExternalEwsUrl": ews_url,
        "EwsSupportedSchemas": "Exchange2007, Exchange2007_SP1, Exchange2010, "
        "Exchange2010_SP1, Exchange2010_SP2, Exchange2013, Exchange2013_SP1",
        "ExternalEwsVersion": "15.02.2562.017",
    }
    add = _adder(_SOAP)

    def write(response: Element) -> None:
        answers = add(response, "UserResponses")
        for user in users:
            answer = add(answers, "UserResponse")
            is_own = room.is_own(text_of(user, "Mailbox"))
            add(answer, "ErrorCode", "NoError" if is_own else "InvalidUser")
            add(
                answer, "ErrorMessage", "No error." if is_own else "Not this account's."
            )
            if not is_own:
                continue
            errors = add(answer, "UserSettingErrors")
            for missing in (each for each in wanted if each not in known):
                error = add(errors, "UserSettingError")
                add(error, "ErrorCode", "SettingIsNotAvailable")
                add(error, "ErrorMessage", "The setting is not available.")
                add(error, "SettingName", missing[:100])
            found = add(answer, "UserSettings")
            for each in (each for each in wanted if each in known):
                setting = add(found, "UserSetting")
                setting.set(f"{{{_XSI}}}type", "StringSetting")
                add(setting, "Name", each)
                add(setting, "Value", known[each])

    return _soap_answer("GetUserSettings", "NoError", "", write)


def _soap_answer(
    operation: str,
    code: str,
    text: str,
    write: Callable[[Element], None] | None = None,
) -> DiscoverAnswer:
    names = {"s": SOAP, "a": _ADDRESSING, "h": _SOAP, "i": _XSI}
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap=names)
    header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
    operation = operation or "GetUserSettings"
    action = etree.SubElement(header, f"{{{_ADDRESSING}}}Action")
    action.text = f"{_SOAP}/Autodiscover/{operation}Response"
    add = _adder(_SOAP)
    version = add(header, "ServerVersionInfo")
    for name, number in (
        ("MajorVersion", "15"),
        ("MinorVersion", "2"),
        ("MajorBuildNumber", "2562"),
        ("MinorBuildNumber", "17"),
        ("Version", "Exchange2013_SP1"),
    ):
        add(version, name, number)
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    message = etree.SubElement(
        body, f"{{{_SOAP}}}{operation}ResponseMessage", nsmap=_by_default(_SOAP)
    )
    response = add(message, "Response")
    add(response, "ErrorCode", code)
    add(response, "ErrorMessage", text)
    if write is not None:
        write(response)
    refused = "" if code == "NoError" else f"{code}: {text}"
    return DiscoverAnswer(_document(envelope), refused)


def _adder(namespace: str) -> Callable[..., Element]:
    def add(parent: Element, name: str, text: str = "") -> Element:
        element = etree.SubElement(parent, f"{{{namespace}}}{name}")
        if text:
            element.text = "".join(c for c in text if c.isprintable())
        return element

    return add


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def _document(root: Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")
