"""Whole configurations in and out. Under `/api/admin/command/v1/configuration/`:

POST export/   the configuration as one JSON document
POST import/   what a document would change, or has changed
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from twisted.web.server import Request

from pexschedd import __version__
from pexschedd.clock import Now
from pexschedd.crypto.passphrase import (
    LONGEST,
    SHORTEST,
    passphrase_problem,
    seal,
    unseal,
)
from pexschedd.errors import InvalidFields
from pexschedd.management.admin_log import note
from pexschedd.management.resource import PREFIX
from pexschedd.management.transfer.document import (
    LARGEST,
    SECRETS_CONTEXT,
    ConfigurationDocument,
    RecordSecrets,
    check_document,
    has_accounts,
)
from pexschedd.management.transfer.document_records import DocumentSecrets
from pexschedd.management.transfer.exporter import ConfigurationExporter
from pexschedd.management.transfer.importer import ConfigurationImporter, ImportOptions
from pexschedd.model.accounts.principal import acting_principal
from pexschedd.model.fields.times import format_time
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import (
    ApiAnswer,
    Parameter,
    RequestBody,
    described,
)
from pexschedd.web.admin.records import arguments_of
from pexschedd.web.admin.transfer.answers import ImportAnswer, import_answer
from pexschedd.web.attachment import attachment
from pexschedd.web.json_body import (
    check_names,
    decode_json,
    read_json,
    require_json,
)
from pexschedd.web.routes import (
    Forbidden,
    ResponseBody,
    body_of,
    json_response,
    while_wanted,
)

COMMANDS = f"{PREFIX}/command/v1/configuration/"
MOST_VALUES = 2_000_000
"""Values in a document, counted as for every body."""


Passphrase = Annotated[
    str,
    msgspec.Meta(extra_json_schema={"minLength": SHORTEST, "maxLength": LONGEST}),
]
"""A passphrase that secrets are sealed with; see `passphrase_problem`."""


class ExportRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request for a document."""

    passphrase: Passphrase | None = None
    """Seals the secrets; without one there are none in the document."""
    resources: tuple[str, ...] = ()
    """Their names; none are all."""


class ImportRequest(
    ConfigurationDocument, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A document with the wishes of the administrator who imports it."""

    dry_run: bool = False
    in_parts: bool = False
    passphrase: str | None = None
    secrets: dict[str, dict[str, str]] = {}
    """Secrets in plain text, by `resource_uri` and field."""


DRY_RUN = Parameter(
    "dry_run",
    "Only says what would be done.",
    {"type": "string", "enum": ["true", "false"]},
)


class ConfigurationRoutes:
    """The routes of the module's docstring."""

    def __init__(
        self,
        exporter: ConfigurationExporter,
        importer: ConfigurationImporter,
        *,
        in_thread: Callable[..., Awaitable[Any]],
        installation: Callable[[], str],
        now: Now,
        random: Callable[[int], bytes],
    ) -> None:
        self._random = random
        self._exporter = exporter
        self._importer = importer
        self._in_thread = in_thread
        self._installation = installation
        self._now = now

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(f"{COMMANDS}export/", post=self._export)
        api.add(f"{COMMANDS}import/", post=self._import)

    @described(
        "Export the configuration",
        "With a passphrase the secrets are in the document, sealed; that takes a "
        "password, not a token.",
        answers={
            200: ApiAnswer(
                "The document.",
                ConfigurationDocument,
                headers=("Content-Disposition",),
            )
        },
        body=RequestBody(ExportRequest, required=False),
    )
    async def _export(self, request: Request) -> ResponseBody:
        asked = ExportRequest()
        if body_of_is_there(request):
            asked = read_json(request, ExportRequest)
        passphrase = asked.passphrase
        with invalid_fields_of("configuration"):
            if passphrase is not None:
                require_password()
                problem = passphrase_problem(passphrase)
                if problem:
                    raise InvalidFields({"passphrase": [problem]})
            exporting = self._exporter.run(
                asked.resources, with_secrets=passphrase is not None
            )
            found = await while_wanted(request, exporting)
        sealed = None
        if passphrase is not None:
            secrets, phrase = msgspec.json.encode(found.secrets), passphrase
            sealed = await self._in_thread(
                lambda: seal(secrets, phrase, SECRETS_CONTEXT, self._random)
            )
        now = self._now()
        document = ConfigurationDocument(
            release=__version__,
            installation=self._installation(),
            created=format_time(now),
            resources=found.resources,
            sealed_secrets=sealed,
        )
        note(
            "configuration exported with_secrets={with_secrets}",
            with_secrets=sealed is not None,
        )
        name = attachment(f"pexschedd-{now:%Y%m%dT%H%M%SZ}.json").encode("ascii")
        request.responseHeaders.setRawHeaders(b"content-disposition", [name])
        return json_response(request, document)

    @described(
        "Import a configuration",
        "All of it is made, or nothing, unless `in_parts` is true.",
        answers={200: ApiAnswer("What it changes, or has changed.", ImportAnswer)},
        errors=(409,),
        parameters=(DRY_RUN,),
        body=RequestBody(ImportRequest),
    )
    async def _import(self, request: Request) -> ResponseBody:
        require_json(request)
        body = body_of(request)
        asked = decode_json(body, ImportRequest, MOST_VALUES)
        await self._in_thread(lambda: check_names(body))
        with invalid_fields_of("configuration"):
            check_document(asked)
            if asked.passphrase is not None or has_accounts(asked.resources):
                require_password()
            options = ImportOptions(
                is_dry_run=asked.dry_run or is_dry_run(request),
                in_parts=asked.in_parts,
            )
            secrets = DocumentSecrets(await self._unsealed(asked), asked.secrets)
            plan = await self._importer.run(asked.resources, secrets, options)
        answer = import_answer(plan, is_dry_run=options.is_dry_run)
        return json_response(request, answer)

    async def _unsealed(self, asked: ImportRequest) -> dict[str, RecordSecrets]:
        sealed, passphrase = asked.sealed_secrets, asked.passphrase
        if sealed is None:
            return {}
        if passphrase is None:
            raise InvalidFields({"passphrase": [_ARE_SEALED]})
        text = await self._in_thread(
            lambda: unseal(sealed, passphrase, SECRETS_CONTEXT)
        )
        return msgspec.json.decode(text, type=dict[str, RecordSecrets])


def large_documents() -> dict[bytes, int]:
    """Return the addresses that take documents, by their beginning, each with the most
    bytes of a request's body there."""
    return {f"{COMMANDS}import/".encode(): LARGEST}


def require_password() -> None:
    """Raise `Forbidden` for those who act by a token: whoever has copied one would have
    all secrets, or an account that outlives it."""
    if not acting_principal.get().has_password:
        raise Forbidden(
            "Secrets and accounts are exported and imported by an administrator who "
            "signs in with a name and a password, not with a token."
        )


def body_of_is_there(request: Request) -> bool:
    """Return whether a request has a body, which can still be read afterwards."""
    found = body_of(request)
    if request.content is not None:
        request.content.seek(0)
    return bool(found.strip())


def is_dry_run(request: Request) -> bool:
    """Return whether the address of a request asks for a dry run; raises
    `InvalidFields`."""
    arguments = dict(arguments_of(request))
    values = arguments.pop("dry_run", ["false"])
    if arguments or values not in (["true"], ["false"]):
        text = "The only argument here is dry_run, which is true or false."
        raise InvalidFields({next(iter(arguments), "dry_run"): [text]})
    return list(values) == ["true"]


_ARE_SEALED = (
    "The document has sealed secrets: send the passphrase that they were sealed with. "
    "To import the rest without them, leave sealed_secrets out, and administrators."
)
