"""Personal rooms and users as CSV. Under `/api/admin/command/v1/csv/`:

GET  <table>/   the table; <table> is `personal_rooms` or `users`
POST <table>/   what a table would change, or has changed
"""

from collections.abc import Collection
from functools import partial

from twisted.web.server import Request

from pexschedd.errors import InvalidFields
from pexschedd.management.resource import PREFIX
from pexschedd.management.transfer.csv_columns import TABLES, CsvTable
from pexschedd.management.transfer.csv_table import SEPARATORS
from pexschedd.management.transfer.csv_transfer import LARGEST, CsvTransfer
from pexschedd.management.transfer.importer import ImportOptions
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
from pexschedd.web.admin.transfer.configuration import DRY_RUN
from pexschedd.web.routes import (
    ResponseBody,
    UnsupportedMediaType,
    body_of,
    file_response,
    json_response,
    while_wanted,
)

_TABLES = f"{PREFIX}/command/v1/csv/"
_TYPES = (b"text/csv", b"text/plain", b"application/csv", b"application/octet-stream")
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")


_CSV = {"type": "string"}


class CsvRoutes:
    """The routes of the module's docstring."""

    def __init__(self, transfer: CsvTransfer) -> None:
        self._transfer = transfer

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        for name, table in TABLES.items():
            api.add(
                f"{_TABLES}{name}/",
                get=partial(self._export, name, table),
                post=partial(self._import, name, table),
            )

    @described(
        "Export a table",
        answers={
            200: ApiAnswer(
                "The table.",
                _CSV,
                "text/csv",
                headers=("Content-Disposition",),
            )
        },
        parameters=(
            Parameter(
                "separator",
                "The character between columns.",
                {"type": "string", "enum": [*SEPARATORS]},
            ),
        ),
    )
    async def _export(
        self, name: str, table: CsvTable, request: Request
    ) -> ResponseBody:
        with invalid_fields_of(name):
            separator = _argument(request, "separator", SEPARATORS)
            exporting = self._transfer.export(table, SEPARATORS[separator or "comma"])
            content = await while_wanted(request, exporting)
        return file_response(request, content, "text/csv; charset=utf-8", f"{name}.csv")

    @described(
        "Import a table",
        "All of it is made, or nothing, unless `in_parts` is true.",
        answers={200: ApiAnswer("What it changes, or has changed.", ImportAnswer)},
        errors=(409,),
        parameters=(
            DRY_RUN,
            Parameter(
                "in_parts",
                "The table is imported in several steps.",
                {"type": "string", "enum": ["true", "false"]},
            ),
        ),
        body=RequestBody(_CSV, "text/csv"),
    )
    async def _import(
        self, name: str, table: CsvTable, request: Request
    ) -> ResponseBody:
        _require_csv(request)
        with invalid_fields_of(name):
            options = ImportOptions(
                is_dry_run=_argument(request, "dry_run", _TRUTH) == "true",
                in_parts=_argument(request, "in_parts", _TRUTH) == "true",
            )
            plan = await self._transfer.run(table, body_of(request), options)
        answer = import_answer(plan, is_dry_run=options.is_dry_run)
        return json_response(request, answer)


def _require_csv(request: Request) -> None:
    """Raise `UnsupportedMediaType` for a body that is said to be something else."""
    for value in request.requestHeaders.getRawHeaders(b"content-type") or []:
        kind = value.partition(b";")[0].strip().lower()
        if kind in _TYPES:
            continue
        shown = kind[:100].decode("ascii", "replace")
        if kind in _FORMS:
            shown = f"a form ({shown})"
        raise UnsupportedMediaType(
            f"The request body must be CSV, not {shown}. Send the table as it is, with "
            "the header Content-Type: text/csv: without one, curl says that it is a "
            "form."
        )


_TRUTH = ("true", "false")
_ARGUMENTS = {
    "GET": ("separator",),
    "HEAD": ("separator",),
    "POST": ("dry_run", "in_parts"),
}


def large_tables() -> dict[bytes, int]:
    """Return the addresses that take tables, by their beginning, each with the most
    bytes of a request's body there."""
    return {_TABLES.encode(): LARGEST}


def _argument(request: Request, name: str, choices: Collection[str]) -> str:
    """Return an argument of the address; empty if it has none of this name."""
    arguments = arguments_of(request)
    known = _ARGUMENTS.get(request.method.decode("latin-1"), ())
    for other in arguments:
        if other not in known:
            text = f"There is no such argument; there are: {', '.join(known)}."
            raise InvalidFields({other: [text]})
    values = arguments.get(name, [])
    if len(values) > 1 or any(value not in choices for value in values):
        raise InvalidFields({name: [f"This must be one of: {', '.join(choices)}."]})
    return values[0] if values else ""
