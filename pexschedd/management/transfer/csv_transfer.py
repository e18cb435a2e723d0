"""Personal rooms and users out of the store as CSV, and into it."""

from codecs import BOM_UTF8
from collections.abc import Iterator

from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import MOST_PROBLEMS, InvalidFields
from pexschedd.management.resources import CONFIGURATION
from pexschedd.management.transfer.configuration import is_configuration
from pexschedd.management.transfer.csv_columns import (
    CsvTable,
    cells_of,
    located,
    values_of,
)
from pexschedd.management.transfer.csv_table import TableRow, read_table, write_row
from pexschedd.management.transfer.document_records import DocumentSecrets, Reference
from pexschedd.management.transfer.importer import ConfigurationImporter, ImportOptions
from pexschedd.management.transfer.plan import ImportPlan
from pexschedd.store.store import Store
from pexschedd.util.cooperate import Pauses, in_slices

LARGEST = 8 * 1024 * 1024
"""Bytes of a table."""


class CsvTransfer:
    """Exports and imports tables, in slices of the reactor's time."""

    def __init__(
        self, store: Store, importer: ConfigurationImporter, clock: IReactorTime
    ) -> None:
        self._store = store
        self._importer = importer
        self._clock = clock

    async def export(self, table: CsvTable, separator: str) -> bytes:
        """Return all records of a table; raises `InvalidFields` if they are too many
        for one."""
        lines = [BOM_UTF8 + write_row(table.written, separator)]
        size = 0
        store, resource = self._store, table.resource
        async for record in in_slices(store.all(resource.table), self._clock):
            if is_configuration(store, resource, record):
                lines.append(write_row(cells_of(table, store, record), separator))
                size += len(lines[-1])
                if size > LARGEST:
                    text = f"The table would have more than {LARGEST >> 20} MiB."
                    raise InvalidFields({"file": [text]})
        return b"".join(lines)

    async def run(
        self, table: CsvTable, body: bytes, options: ImportOptions
    ) -> ImportPlan:
        """Import a table: all rows or none; return the plan.

        Raises `InvalidFields` that names lines and columns.
        """
        records: list[dict[str, object]] = []
        lines: list[int] = []
        problems: dict[str, list[str]] = {}
        pauses = Pauses(self._clock)
        for row in _valid_rows(read_table(body, table.readable, [table.key]), problems):
            if row.problem:
                problems[f"line {row.line}"] = [row.problem]
            else:
                values, wrong = values_of(table, self._store, row.cells)
                records.append(values)
                lines.append(row.line)
                for name, text in wrong.items():
                    problems[f"line {row.line}, column {name}"] = [text]
            if len(problems) > MOST_PROBLEMS:
                break
            await pauses.item_done()
        known = self._known(table)
        trial = ImportOptions(is_dry_run=True, in_parts=True)
        resources = {table.resource.name: records}
        try:
            await self._importer.run(resources, DocumentSecrets(), trial, known)
        except InvalidFields as error:
            problems |= located(error.problems, lines)
        if problems:
            raise InvalidFields(problems)
        return await self._importer.run(resources, DocumentSecrets(), options, known)

    def _known(self, table: CsvTable) -> dict[Reference, int]:
        """The ids of the records that rows may refer to, by URI."""
        known: dict[Reference, int] = {}
        for name in table.readable:
            declared = table.resource.fields.get(name)
            related = declared.field.related if declared is not None else ""
            if related in CONFIGURATION:
                other = CONFIGURATION[related]
                for id_ in self._store.ids(other.table):
                    known[related, other.uri_of(id_)] = id_
        return known


def _valid_rows(
    rows: Iterator[TableRow], problems: dict[str, list[str]]
) -> Iterator[TableRow]:
    """Yield the rows up to one after which nothing can be read; its problem is added.
    Of a table that is too large nothing else is told."""
    try:
        yield from rows
    except InvalidFields as error:
        if "file" in error.problems:
            raise
        problems.update(error.problems)
