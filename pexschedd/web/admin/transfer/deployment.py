"""Import from another deployment. Under `/api/admin/command/v1/configuration/`:

POST import_from/   reads a deployment's configuration, and says or makes the changes
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from pexschedd.errors import InvalidFields
from pexschedd.management.resources import CONFIGURATION
from pexschedd.management.transfer.deployment import (
    READ,
    DeploymentTranslation,
    ReadDeployment,
    needed_secrets,
)
from pexschedd.management.transfer.document_records import DocumentSecrets
from pexschedd.management.transfer.importer import ConfigurationImporter, ImportOptions
from pexschedd.management.transfer.plan import ImportPlan
from pexschedd.util.cooperate import Pauses
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import ApiAnswer, RequestBody, described
from pexschedd.web.admin.transfer.answers import DeploymentAnswer, import_answer
from pexschedd.web.admin.transfer.configuration import (
    COMMANDS,
    require_password,
)
from pexschedd.web.json_body import read_json
from pexschedd.web.routes import ResponseBody, json_response, while_wanted

_UNKNOWN = "not known yet"
"""The secret that a dry run puts in the place of one that is still to be sent."""


class ListsOfRecords(Protocol):
    """The lists of a deployment."""

    async def read(self, resource: str) -> list[dict[str, Any]]:
        """Return all records of a resource."""


class ImportFromRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to import from a deployment."""

    address: str
    username: str
    password: str
    resources: tuple[str, ...] = READ
    dry_run: bool = False
    in_parts: bool = False
    secrets: dict[str, dict[str, str]] = {}
    """Secrets in plain text, by the `resource_uri` at the deployment, and field."""

    def __repr__(self) -> str:
        return "ImportFromRequest()"


Connect = Callable[[str, str, str], ListsOfRecords]
"""Takes the address of a deployment, a name and a password; raises `InvalidFields`."""


class DeploymentRoutes:
    """The route of the module's docstring."""

    def __init__(
        self, importer: ConfigurationImporter, connect: Connect, clock: IReactorTime
    ) -> None:
        self._importer = importer
        self._connect = connect
        self._clock = clock

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(f"{COMMANDS}import_from/", post=self._import)

    @described(
        "Import from another deployment",
        "Takes a password, not a token.",
        answers={200: ApiAnswer("What it changes, or has changed.", DeploymentAnswer)},
        errors=(409, 502),
        body=RequestBody(ImportFromRequest),
    )
    async def _import(self, request: Request) -> ResponseBody:
        require_password()
        asked = read_json(request, ImportFromRequest)
        with invalid_fields_of("configuration"):
            unknown = [name for name in asked.resources if name not in READ]
            if unknown:
                text = f"This must be some of: {', '.join(READ)}."
                raise InvalidFields({"resources": [text]})
            lists = self._connect(asked.address, asked.username, asked.password)
            reading = self._read(lists, asked.resources)
            found = await while_wanted(request, reading)
            plan, needed = await self._plan(found, asked)
        told = import_answer(plan, is_dry_run=asked.dry_run)
        answer = DeploymentAnswer(
            **msgspec.structs.asdict(told),
            left_out=_told(found.left_out),
            secrets_needed=needed,
        )
        return json_response(request, answer)

    async def _read(
        self, lists: ListsOfRecords, wanted: Sequence[str]
    ) -> ReadDeployment:
        translation = DeploymentTranslation()
        pauses = Pauses(self._clock)
        for name in READ:
            if name in wanted:
                for shown in await lists.read(name):
                    translation.add(CONFIGURATION[name], shown)
                    await pauses.item_done()
        return translation.result

    async def _plan(
        self, found: ReadDeployment, asked: ImportFromRequest
    ) -> tuple[ImportPlan, dict[str, dict[str, str]]]:
        """Import, or try; a dry run goes on where only secrets are missing."""
        options = ImportOptions(asked.dry_run, asked.in_parts)
        given = DocumentSecrets(given=asked.secrets)
        try:
            return await self._importer.run(found.resources, given, options), {}
        except InvalidFields as error:
            needed, is_all = needed_secrets(error.problems, found.resources)
            if not asked.dry_run or not is_all:
                raise
        filled = {uri: dict(fields) for uri, fields in asked.secrets.items()}
        for uri, fields in needed.items():
            filled.setdefault(uri, {}).update(dict.fromkeys(fields, _UNKNOWN))
        tried = DocumentSecrets(given=filled)
        return await self._importer.run(found.resources, tried, options), needed


def _told(left_out: Counter[str]) -> list[str]:
    return [f"{what} ({number})" for what, number in sorted(left_out.items())]
