"""Autodiscover of the sandbox, plain XML (POX) and SOAP: the EWS URL of its mailboxes.

It is at `/autodiscover/autodiscover.xml` and `.svc`, behind the same sign-in as EWS.
"""

from http import HTTPStatus

from lxml import etree
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pexschedd.sandbox.host_header import HOST
from pexschedd.sandbox.service import EwsService
from pexschedd.sandbox.signin.negotiation import AuthenticationRequired
from pexschedd.sandbox.web import responses
from pexschedd.sandbox.web.control_api import content
from pexschedd.sandbox.web.path_segment import PathSegment

_POX = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_OUTLOOK = (
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_SETTINGS = "http://schemas.microsoft.com/exchange/2010/Autodiscover"


def add_autodiscover(folder: PathSegment, service: EwsService) -> None:
    """Add both forms to the folder `/autodiscover`."""
    folder.putChild(b"autodiscover.xml", _Autodiscover(service, soap=False))
    folder.putChild(b"autodiscover.svc", _Autodiscover(service, soap=True))


class _Autodiscover(Resource):
    isLeaf = True

    def __init__(self, service: EwsService, *, soap: bool) -> None:
        super().__init__()
        self._service = service
        self._soap = soap

    def render_POST(self, request: Request) -> object:
        service = self._service
        try:
            service.negotiation.caller(request, service.behaviour.sign_in)
        except AuthenticationRequired as challenge:
            responses.unauthorized(request, challenge)
            return NOT_DONE_YET
        name = "Mailbox" if self._soap else "EMailAddress"
        try:
            root = etree.fromstring(content(request))
            email = str(root.findtext(f".//{{*}}{name}") or "")
        except etree.XMLSyntaxError:
            request.setResponseCode(HTTPStatus.BAD_REQUEST)
            return b""
        found = service.exchange.find(email)
        url = _ews_url(request) if found is not None else ""
        group = found.account.server_group if found is not None else ""
        request.setHeader("content-type", "text/xml; charset=utf-8")
        answer = _soap_answer(url, group) if self._soap else _pox_answer(url, group)
        return etree.tostring(answer, xml_declaration=True, encoding="utf-8")


def _ews_url(request: Request) -> str:
    """Return the EWS URL as the client knows this server; empty if it has sent no
    usable Host header."""
    host = request.getHeader("host") or ""
    if not HOST.fullmatch(host):
        return ""
    scheme = "https" if request.isSecure() else "http"
    above = (request.prepath or [])[:-2]
    path = "".join("/" + part.decode("ascii", "replace") for part in above)
    return f"{scheme}://{host}{path}/EWS/Exchange.asmx"


def _pox_answer(url: str, group: str) -> etree._Element:
    root = etree.Element(f"{{{_POX}}}Autodiscover", nsmap={"a": _POX})
    if not url:
        response = etree.SubElement(root, f"{{{_POX}}}Response")
        problem = etree.SubElement(response, f"{{{_POX}}}Error")
        etree.SubElement(problem, f"{{{_POX}}}ErrorCode").text = "500"
        message = etree.SubElement(problem, f"{{{_POX}}}Message")
        message.text = "The email address can't be found."
        return root
    response = etree.SubElement(root, f"{{{_OUTLOOK}}}Response", nsmap={"o": _OUTLOOK})
    account = etree.SubElement(response, f"{{{_OUTLOOK}}}Account")
    etree.SubElement(account, f"{{{_OUTLOOK}}}AccountType").text = "email"
    etree.SubElement(account, f"{{{_OUTLOOK}}}Action").text = "settings"
    for kind in ("EXCH", "EXPR"):
        protocol = etree.SubElement(account, f"{{{_OUTLOOK}}}Protocol")
        etree.SubElement(protocol, f"{{{_OUTLOOK}}}Type").text = kind
        etree.SubElement(protocol, f"{{{_OUTLOOK}}}EwsUrl").text = url
        if kind == "EXPR":
            of = etree.SubElement(protocol, f"{{{_OUTLOOK}}}GroupingInformation")
            of.text = group
    return root


def _soap_answer(url: str, group: str) -> etree._Element:
    root = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"s": _SOAP, "a": _SETTINGS})
    body = etree.SubElement(root, f"{{{_SOAP}}}Body")

    def add(parent: etree._Element, name: str, text: str = "") -> etree._Element:
        element = etree.SubElement(parent, f"{{{_SETTINGS}}}{name}")
        element.text = text or None
        return element

    response = add(add(body, "GetUserSettingsResponseMessage"), "Response")
    add(response, "ErrorCode", "NoError")
    user = add(add(response, "UserResponses"), "UserResponse")
    add(user, "ErrorCode", "NoError" if url else "InvalidUser")
    add(user, "ErrorMessage", "No error." if url else "Invalid user.")
    settings = add(user, "UserSettings")
    values = {
        "InternalEwsUrl": url,
        "ExternalEwsUrl": url,
        "GroupingInformation": group,
    }
    for name, value in values.items() if url else ():
        setting = add(settings, "UserSetting")
        add(setting, "Name", name)
        add(setting, "Value", value)
    return root
