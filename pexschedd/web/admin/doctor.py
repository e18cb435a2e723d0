"""Checking an integration, and setting Exchange up for it. Under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/check/         examines it, and answers then
POST command/v1/ms_exchange_connector/check/    ... one that is sent, and is not saved
GET  configuration/v1/ms_exchange_connector/<id>/exchange_setup/   a PowerShell script
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from twisted.web.server import Request

from pexschedd.doctor.report import DoctorReport
from pexschedd.doctor.setup.script import TARGETS, SetupOptions, script_for
from pexschedd.errors import NotFound
from pexschedd.management.computed.draft import Drafts
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.store.store import Store
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import (
    JSON,
    ApiAnswer,
    Parameter,
    RequestBody,
    described,
)
from pexschedd.web.admin.openapi.patterns import PRINTABLE
from pexschedd.web.json_body import decode_json, read_object, require_json
from pexschedd.web.routes import (
    BadRequest,
    ResponseBody,
    body_of,
    file_response,
    json_response,
)

_CHECK = f"{PREFIX}/command/v1/ms_exchange_connector/<int:connector_id>/check/"
_CHECK_DRAFT = f"{PREFIX}/command/v1/ms_exchange_connector/check/"
_INTEGRATION = f"{PREFIX}/configuration/v1/ms_exchange_connector"
_SETUP = f"{_INTEGRATION}/<int:connector_id>/exchange_setup/"

MAX_ARGUMENT = 256
"""Characters of a name or an address."""

_ADDRESS = r"^$|[^@][\s\S]*@[\s\S]*[^@]"
_PARAMETERS = (b"for", b"addin_group", b"format")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Examine = Callable[[int, str], Awaitable[DoctorReport]]
"""See `doctor.Doctor.examine`."""
ExamineDraft = Callable[[Connector, tuple[str, ...]], Awaitable[DoctorReport]]
"""See `doctor.Doctor.examine_draft`."""


class CheckOptions(msgspec.Struct, forbid_unknown_fields=True):
    """The things that are examined beside the integration itself."""

    user: Annotated[
        str,
        msgspec.Meta(
            extra_json_schema={"maxLength": MAX_ARGUMENT, "pattern": _ADDRESS}
        ),
    ] = ""
    """The address of a user whose add-in and calendar are looked at, too."""


class SetupScript(msgspec.Struct, frozen=True):
    """The script that sets Exchange up, as a text."""

    id: int
    """The integration's."""
    target: str = msgspec.field(name="for")
    """The system that it is for."""
    script: str
    resource_uri: str


class DoctorRoutes:
    """The routes of the doctor and of the set-up script."""

    def __init__(
        self,
        store: Store,
        examine: Examine,
        examine_draft: ExamineDraft,
        drafts: Drafts,
    ) -> None:
        self._store = store
        self._examine = examine
        self._examine_draft = examine_draft
        self._drafts = drafts

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(_CHECK, post=self._check)
        api.add(_CHECK_DRAFT, post=self._check_draft)
        api.add(_SETUP, get=self._setup)

    @described(
        "Examine an integration",
        "The examination is finished when the answer comes: it may take a minute.",
        answers={200: ApiAnswer("What was found.", DoctorReport)},
        body=RequestBody(CheckOptions, required=False),
    )
    async def _check(self, request: Request, connector_id: int) -> ResponseBody:
        body = body_of(request)
        if body.strip():
            require_json(request)
        user = decode_json(body, CheckOptions).user if body.strip() else ""
        if user and ("@" not in user.strip("@") or len(user) > MAX_ARGUMENT):
            raise BadRequest("user: this must be an e-mail address.")
        return json_response(request, await self._examine(connector_id, user))

    @described(
        "Examine an integration that is not made yet",
        "The record is checked as a new one would be, and not kept.",
        answers={200: ApiAnswer("What was found.", DoctorReport)},
        body=RequestBody({"$ref": "#/components/schemas/MsExchangeConnectorCreate"}),
        id="check_new_ms_exchange_connector",
    )
    async def _check_draft(self, request: Request) -> ResponseBody:
        payload = read_object(request)
        with invalid_fields_of(tables.CONNECTOR.name):
            draft = await self._drafts.integration(payload)
        report = await self._examine_draft(draft.connector, draft.domains)
        return json_response(request, report)

    @described(
        "Download the script that sets Exchange up",
        answers={
            200: ApiAnswer(
                "The script, for PowerShell.",
                {"type": "string"},
                "text/plain",
                headers=("Content-Disposition",),
                others={JSON: SetupScript},
            )
        },
        parameters=(
            Parameter(
                "for",
                "The system that the script is for; by default the one that the "
                "integration's authentication is for.",
                {"type": "string", "enum": [*TARGETS]},
            ),
            Parameter(
                "addin_group",
                "The group whose members get the add-in; everyone without it.",
                {"type": "string", "maxLength": MAX_ARGUMENT, "pattern": PRINTABLE},
            ),
            Parameter(
                "format",
                "`json` for the script as a text in an object.",
                {"type": "string", "enum": ["ps1", "json"], "default": "ps1"},
            ),
        ),
    )
    def _setup(self, request: Request, connector_id: int) -> ResponseBody:
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no {tables.CONNECTOR.name} {connector_id}.")
        options, form = _setup_options(request, connector)
        script = script_for(connector, options)
        if form == "json":
            answer = SetupScript(
                id=connector_id,
                target=options.target,
                script=script,
                resource_uri=f"{_INTEGRATION}/{connector_id}/exchange_setup/",
            )
            return json_response(request, answer)
        subject = _SUBJECTS.get(options.target, "exchange")
        name = f"{subject}-setup-{connector_id}.ps1"
        content = windows_file(script)
        return file_response(request, content, "text/plain; charset=utf-8", name)


_SUBJECTS = {"user_sign_in": "user-sign-in", "addin_tokens": "addin-tokens"}


def windows_file(script: str) -> bytes:
    """Return a script as a file that Windows PowerShell reads as it is."""
    # Windows PowerShell 5.1 takes files without a byte order mark for the machine's old
    # code page, and typographic quotes for something else.
    return _BYTE_ORDER_MARK + script.replace("\n", "\r\n").encode()


def _setup_options(request: Request, connector: Connector) -> tuple[SetupOptions, str]:
    """The script's settings, and the form it is asked for in: `ps1` or `json`."""
    # A misspelt `addin_group` would give the add-in to all users.
    for name in request.args or {}:
        if name not in _PARAMETERS:
            known = b", ".join(_PARAMETERS).decode()
            raise BadRequest(f"There is no such parameter; there are {known}.")
    is_online = connector.sign_in_method in ("OAUTH", "APP_PERM")
    default = "microsoft365" if is_online else "onpremises"
    target = _argument(request, "for") or default
    form = _argument(request, "format") or "ps1"
    if target not in TARGETS:
        raise BadRequest(f"for: must be one of {', '.join(TARGETS)}.")
    if form not in ("ps1", "json"):
        raise BadRequest("format: must be ps1 or json.")
    group = _argument(request, "addin_group")
    return SetupOptions(target=target, addin_group=group), form


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
