"""SOAP envelopes: requests are read from them, answers and faults are written."""

from dataclasses import dataclass
from http import HTTPStatus

from lxml import etree

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError, RequestFault, SchemaError
from pexschedd.sandbox.items import timezones
from pexschedd.sandbox.markup import ERRORS, MESSAGES, SOAP, TYPES, Element

_S = f"{{{SOAP}}}"
_T = f"{{{TYPES}}}"
_VERSIONS = frozenset(
    {
        "Exchange2007",
        "Exchange2007_SP1",
        "Exchange2009",
        "Exchange2010",
        "Exchange2010_SP1",
        "Exchange2010_SP2",
        "Exchange2012",
        "Exchange2013",
        "Exchange2013_SP1",
        "Exchange2015",
        "Exchange2016",
        "V2015_10_05",
        "V2016_01_06",
        "V2016_04_13",
        "V2016_07_13",
        "V2016_10_10",
        "V2017_01_07",
        "V2017_04_14",
        "V2017_07_11",
    }
)
_SID_KINDS = ("PrincipalName", "SID", "PrimarySmtpAddress", "SmtpAddress")


@dataclass(frozen=True)
class SoapRequest:
    """The operation that a client asks for, and the mailbox that it acts as."""

    operation: str
    element: Element
    zone: str
    """The Windows time zone in which times without an offset are meant."""
    impersonate: tuple[str, str] | None
    """The kind of name (an element name of ConnectingSID), and the name."""


def read(body: bytes) -> SoapRequest:
    """Return the request in a body. Raises `RequestFault` for anything but EWS."""
    root = _parse(body)
    if root.tag != _S + "Envelope":
        raise SchemaError(f"'{root.tag}' is not a SOAP 1.1 envelope.")
    content = root.find(_S + "Body")
    operations = [] if content is None else list(content)
    if len(operations) != 1:
        raise SchemaError("The SOAP body must hold exactly one request.")
    operation = etree.QName(operations[0])
    if operation.namespace != MESSAGES:
        raise SchemaError(
            f"The element '{operation.localname}' in namespace "
            f"'{operation.namespace}' is not declared.",
            markup.line(operations[0]),
        )
    header = root.find(_S + "Header")
    if header is None:
        return SoapRequest(operation.localname, operations[0], "UTC", None)
    version = markup.find_t(header, "RequestServerVersion")
    if version is not None and markup.need(version, "Version") not in _VERSIONS:
        raise RequestFault("ErrorInvalidServerVersion")
    return SoapRequest(
        operation.localname, operations[0], _zone(header), _impersonated(header)
    )


def answer(response: Element) -> bytes:
    """Return an envelope with a response."""
    envelope = _envelope()
    etree.SubElement(envelope, _S + "Body").append(response)
    return markup.serialise(envelope)


def fault(error: EwsError) -> tuple[HTTPStatus, bytes]:
    """Return the status and the envelope of a SOAP fault."""
    envelope = _envelope()
    body = etree.SubElement(envelope, _S + "Body")
    soap_fault = etree.SubElement(body, _S + "Fault")
    code = etree.SubElement(soap_fault, "faultcode", nsmap={"a": TYPES})
    code.text = f"a:{error.code}"
    text = etree.SubElement(soap_fault, "faultstring")
    text.set("{http://www.w3.org/XML/1998/namespace}lang", "en-US")
    text.text = error.text
    detail = etree.SubElement(soap_fault, "detail")
    names = {"e": ERRORS}
    e = f"{{{ERRORS}}}"
    etree.SubElement(detail, e + "ResponseCode", nsmap=names).text = error.code
    etree.SubElement(detail, e + "Message", nsmap=names).text = error.text
    if isinstance(error, SchemaError):
        more = etree.SubElement(detail, _T + "MessageXml", nsmap={"t": TYPES})
        markup.t(more, "LineNumber", str(error.line))
        markup.t(more, "LinePosition", str(error.position))
        markup.t(more, "Violation", error.violation)
    elif error.values:
        more = etree.SubElement(detail, _T + "MessageXml", nsmap={"t": TYPES})
        for name, value in error.values.items():
            markup.t(more, "Value", value, Name=name)
    return HTTPStatus.INTERNAL_SERVER_ERROR, markup.serialise(envelope)


def _envelope() -> Element:
    envelope = etree.Element(_S + "Envelope", nsmap={"s": SOAP})
    header = etree.SubElement(envelope, _S + "Header")
    etree.SubElement(
        header,
        _T + "ServerVersionInfo",
        {
            "MajorVersion": "15",
            "MinorVersion": "2",
            "MajorBuildNumber": "2562",
            "MinorBuildNumber": "17",
            "Version": "V2017_07_11",
        },
        nsmap={"h": TYPES},
    )
    return envelope


def _parse(body: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        number, position = error.position
        raise SchemaError(str(error.msg), number, position) from None
    if b"<!DOCTYPE" in body:
        raise SchemaError("For security reasons DTD is prohibited in this document.")
    return root


def _zone(header: Element) -> str:
    definition = markup.find_t(header, "TimeZoneContext/TimeZoneDefinition")
    if definition is None:
        return "UTC"
    zone = markup.need(definition, "Id")
    if not timezones.known(zone):
        raise RequestFault("ErrorTimeZone", f"There is no time zone {zone!r}.")
    return zone


def _impersonated(header: Element) -> tuple[str, str] | None:
    impersonation = markup.find_t(header, "ExchangeImpersonation")
    if impersonation is None:
        return None
    sid = markup.find_t(impersonation, "ConnectingSID")
    if sid is None or len(sid) != 1 or markup.name_of(sid[0]) not in _SID_KINDS:
        raise RequestFault("ErrorInvalidExchangeImpersonationHeaderData")
    return markup.name_of(sid[0]), (sid[0].text or "").strip()
