"""What is wrong with an integration, and how to set Exchange up for it. Under
`/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/check/         looks, and answers when done
GET  configuration/v1/ms_exchange_connector/<id>/exchange_setup/   a PowerShell script
"""

import re
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from klein import Klein
from twisted.web.resource import IResource
from twisted.web.server import Request

from pexschedd.doctor.report import DoctorReport
from pexschedd.doctor.setup.script import FORS, SetupOptions, script_for
from pexschedd.errors import NotFound, TemplateError
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.fields.default_texts import PLACEHOLDER_INSTRUCTIONS
from pexschedd.model.integration import Connector
from pexschedd.store.store import Store
from pexschedd.web.addin.headers import Sources
from pexschedd.web.addin.pane import PanePages
from pexschedd.web.addin.static import load_static
from pexschedd.web.admin.authentication import AdministratorCheck, admin_route
from pexschedd.web.admin.errors import admin_error
from pexschedd.web.api import (
    BadRequest,
    Payload,
    body_of,
    json_response,
    read_json,
    register_http_errors,
)
from pexschedd.web.routing import Beside

_CHECK = f"{PREFIX}/command/v1/ms_exchange_connector/<int:id>/check/"
_SETUP = f"{PREFIX}/configuration/v1/ms_exchange_connector/<int:id>/exchange_setup/"
_OURS = re.compile(
    f"{PREFIX}/(?:command/v1/ms_exchange_connector/[0-9]+/check"
    "|configuration/v1/ms_exchange_connector/[0-9]+/exchange_setup)/?"
)
MAX_ARGUMENT = 256
"""Characters of a name or an address."""
_WISHES = (b"for", b"addin_group", b"format")

Examine = Callable[[int, str], Awaitable[DoctorReport]]
"""See `doctor.Doctor.examine`."""


class _CheckBody(msgspec.Struct, forbid_unknown_fields=True):
    user: str = ""


class DoctorApi:
    app = Klein()
    register_http_errors(app, admin_error)

    def __init__(
        self, store: Store, administrators: AdministratorCheck, examine: Examine
    ) -> None:
        self.administrators = administrators
        self._store = store
        self._examine = examine

    def beside(self, rest: IResource) -> IResource:
        """A resource for the root that serves this, and everything else by `rest`."""
        return Beside(self.app.resource(), _is_ours, rest)

    @admin_route(app, _CHECK, methods=["POST"])
    async def check(self, request: Request, id: int) -> Payload:
        content, user = request.content, ""
        if content is not None and body_of(request).strip():
            content.seek(0)
            user = read_json(request, _CheckBody).user
        if user and ("@" not in user.strip("@") or len(user) > MAX_ARGUMENT):
            raise BadRequest("user: this must be an e-mail address.")
        return json_response(request, await self._examine(id, user))

    @admin_route(app, _SETUP)
    def setup(self, request: Request, id: int) -> Payload:
        connector = self._store.get(tables.CONNECTOR, id)
        if connector is None:
            raise NotFound(f"There is no {tables.CONNECTOR.name} {id}.")
        wishes, form = _wishes(request, connector)
        script = script_for(connector, wishes)
        if form == "json":
            return json_response(
                request,
                {
                    "id": id,
                    "for": wishes.target,
                    "script": script,
                    "resource_uri": _SETUP.replace("<int:id>", str(id)),
                },
            )
        set_header = request.responseHeaders.setRawHeaders
        set_header(b"content-type", [b"text/plain; charset=utf-8"])
        set_header(
            b"content-disposition",
            [b'attachment; filename="exchange-setup-%d.ps1"' % id],
        )
        # With a byte order mark: Windows PowerShell 5.1 takes files without one for
        # the machine's old code page, and typographic quotes for something else.
        return b"\xef\xbb\xbf" + script.replace("\n", "\r\n").encode()


def _is_ours(path: str) -> bool:
    return _OURS.fullmatch(path) is not None


def _wishes(request: Request, connector: Connector) -> tuple[SetupOptions, str]:
    # A misspelt `addin_group` would give the add-in to everybody.
    for name in request.args or {}:
        if name not in _WISHES:
            known = b", ".join(_WISHES).decode()
            raise BadRequest(f"There is no such parameter; there are {known}.")
    default = "microsoft365" if _is_online(connector) else "onpremises"
    target = _argument(request, "for") or default
    form = _argument(request, "format") or "ps1"
    if target not in FORS:
        raise BadRequest(f"for: must be one of {', '.join(FORS)}.")
    if form not in ("ps1", "json"):
        raise BadRequest("format: must be ps1 or json.")
    return SetupOptions(
        target=target, addin_group=_argument(request, "addin_group")
    ), form


def _is_online(connector: Connector) -> bool:
    return connector.authentication_method in ("OAUTH", "APP_PERM")


def _argument(request: Request, name: str) -> str:
    values = (request.args or {}).get(name.encode(), [])
    if len(values) > 1:
        raise BadRequest(f"{name}: may be given once only.")
    try:
        value = values[0].decode() if values else ""
    except UnicodeDecodeError:
        raise BadRequest(f"{name}: this is not UTF-8.") from None
    if len(value) > MAX_ARGUMENT or not value.isprintable():
        raise BadRequest(
            f"{name}: at most {MAX_ARGUMENT} printable characters are possible."
        )
    return value


class Icons(Protocol):
    def icon_revision(self, connector: Connector) -> str: ...


class OwnPane:
    """The pane that this daemon serves, to compare with what Outlook would get."""

    def __init__(self, icons: Icons, placeholder: Callable[[Connector], str]) -> None:
        self._icons = icons
        self._placeholder = placeholder
        self._pages = PanePages(load_static())

    def __call__(self, connector: Connector) -> bytes:
        try:
            placeholder = self._placeholder(connector)
        except TemplateError:
            placeholder = PLACEHOLDER_INSTRUCTIONS
        icon = f"images/addin_icon_80.png?r={self._icons.icon_revision(connector)}"
        return self._pages.pane(connector, Sources(connector), icon, placeholder)
