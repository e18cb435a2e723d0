"""Autodiscover's requests and answers, plain XML (POX) and SOAP. Pure.

MS-OXDSCLI has the first, MS-OXWSADISC the second. A server that speaks both gives the
same URL in both.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
from lxml import etree

from pexschedd.ews.envelope import (
    SOAP,
    Element,
    NotSoap,
    SoapError,
    child,
    children,
    clean,
    document,
    local_name,
    parse,
    text,
)

_POX = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
_POX_ANSWER = (
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)
_SOAP = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_ACTION = f"{_SOAP}/Autodiscover/GetUserSettings"
_SETTINGS = ("InternalEwsUrl", "ExternalEwsUrl")
_GROUP = "GroupingInformation"
_PROTOCOLS = ("EXCH", "EXPR", "EXHTTP", "WEB")
"""Kinds of access, the one inside the organization first."""
MAX_LENGTH = 2_000
_MAX_REASON = 200


class FoundUrl(msgspec.Struct, frozen=True):
    """The EWS URL of the mailbox."""

    url: str
    group: str = ""
    """GroupingInformation: mailboxes with the same one can share a stream of
    notifications; empty if the server does not say."""


class OtherAddress(msgspec.Struct, frozen=True):
    """The mailbox is known by another address: ask for that."""

    email: str


class OtherUrl(msgspec.Struct, frozen=True):
    """Ask there."""

    url: str


class NoUrl(msgspec.Struct, frozen=True):
    """The server knows no EWS URL."""

    reason: str


Discovery = FoundUrl | OtherAddress | OtherUrl | NoUrl


def is_soap(url: str) -> bool:
    """Return whether an address speaks SOAP; all others speak plain XML."""
    return urlsplit(url).path.lower().endswith(".svc")


def build_request(url: str, email: str) -> bytes:
    """Build a request for the settings of a mailbox, as its address speaks."""
    return _soap(url, email) if is_soap(url) else _pox(email)


def _pox(email: str) -> bytes:
    names: Any = {None: _POX}  # as all clients write it
    root = etree.Element(f"{{{_POX}}}Autodiscover", nsmap=names)
    request = etree.SubElement(root, f"{{{_POX}}}Request")
    etree.SubElement(request, f"{{{_POX}}}EMailAddress").text = clean(email)
    wanted = etree.SubElement(request, f"{{{_POX}}}AcceptableResponseSchema")
    wanted.text = _POX_ANSWER
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _soap(url: str, email: str) -> bytes:
    names = {"soap": SOAP, "a": _SOAP, "wsa": _ADDRESSING}
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap=names)
    header = etree.SubElement(root, f"{{{SOAP}}}Header")
    version = etree.SubElement(header, f"{{{_SOAP}}}RequestedServerVersion")
    version.text = "Exchange2013"
    etree.SubElement(header, f"{{{_ADDRESSING}}}Action").text = _ACTION
    etree.SubElement(header, f"{{{_ADDRESSING}}}To").text = clean(url)
    body = etree.SubElement(root, f"{{{SOAP}}}Body")
    message = etree.SubElement(body, f"{{{_SOAP}}}GetUserSettingsRequestMessage")
    request = etree.SubElement(message, f"{{{_SOAP}}}Request")
    users = etree.SubElement(request, f"{{{_SOAP}}}Users")
    user = etree.SubElement(users, f"{{{_SOAP}}}User")
    etree.SubElement(user, f"{{{_SOAP}}}Mailbox").text = clean(email)
    settings = etree.SubElement(request, f"{{{_SOAP}}}RequestedSettings")
    for name in (*_SETTINGS, _GROUP):
        etree.SubElement(settings, f"{{{_SOAP}}}Setting").text = name
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def parse_answer(data: bytes, *, soap: bool) -> Discovery:
    """Read an answer, whatever it is."""
    try:
        return _read_soap(parse(data)) if soap else _read_pox(document(data))
    except SoapError as error:
        return NoUrl(_reason(str(error)))


def _read_pox(root: Element) -> Discovery:
    if local_name(root) != "Autodiscover":
        raise NotSoap("it does not answer as Autodiscover does")
    response = child(root, "Response")
    problem = child(response, "Error")
    if problem is not None:
        return NoUrl(_reason(text(problem, "Message") or "it knows no such mailbox"))
    account = child(response, "Account")
    if address := _short(text(account, "RedirectAddr")):
        return OtherAddress(address)
    if url := _short(text(account, "RedirectUrl")):
        return OtherUrl(url)
    found = dict(reversed([*_protocols(account)]))
    for kind in _PROTOCOLS:
        if url := found.get(kind, ""):
            return FoundUrl(url, _group(account))
    return NoUrl("its answer has no EWS URL")


def _group(account: Element | None) -> str:
    """The GroupingInformation, which stands beside one kind of access only."""
    found = (_short(text(each, _GROUP)) for each in children(account, "Protocol"))
    return next(filter(None, found), "")


def _protocols(account: Element | None) -> Iterator[tuple[str, str]]:
    """The kinds of access with their EWS URLs; of a kind the first one counts."""
    for protocol in children(account, "Protocol"):
        kind = text(protocol, "Type").strip() or protocol.get("Type", "")
        urls = [_short(text(protocol, name)) for name in ("EwsUrl", "ASUrl")]
        for url in filter(None, urls):
            yield kind.upper(), url
        for inner in ("Internal", "External"):
            within = child(protocol, inner, "Protocol")
            if within is not None and (url := _short(text(within, "EwsUrl"))):
                yield kind.upper(), url


def _read_soap(message: Element) -> Discovery:
    response = child(message, "Response")
    user = child(response, "UserResponses", "UserResponse")
    target = _short(text(user, "RedirectTarget"))
    code = text(user, "ErrorCode").strip() or text(response, "ErrorCode").strip()
    if code == "RedirectAddress" and target:
        return OtherAddress(target)
    if code == "RedirectUrl" and target:
        return OtherUrl(target)
    if code not in ("", "NoError"):
        reason = text(user, "ErrorMessage") or text(response, "ErrorMessage")
        return NoUrl(_reason(f"{code} {reason}"))
    settings = {
        text(each, "Name").strip(): _short(text(each, "Value"))
        for each in children(child(user, "UserSettings"), "UserSetting")
    }
    for name in _SETTINGS:
        if url := settings.get(name, ""):
            return FoundUrl(url, settings.get(_GROUP, ""))
    return NoUrl("its answer has no EWS URL")


def _short(value: str) -> str:
    value = value.strip()
    return value if len(value) <= MAX_LENGTH else ""


def _reason(value: str) -> str:
    return " ".join(value.split())[:_MAX_REASON]
