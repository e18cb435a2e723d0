"""Tables as CSV (RFC 4180), in the variants that spreadsheets read and write. Pure.

Written is UTF-8 with a byte order mark, by which Excel knows it, and with CRLF. Read is
the same with or without the mark, with commas, semicolons or tabs.

A spreadsheet takes a cell for a formula that begins with =, +, - or @, and a formula
can send what is in the table elsewhere. Such a cell is written with an apostrophe
before it, and read without it.
"""

import csv
import io
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from pexschedd.errors import InvalidFields

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
LONGEST_CELL = 100_000
LONGEST_ROW = 200_000
"""Characters of a row: one of nothing but separators takes 20 ms to divide."""
MOST_ROWS = 20_000
MOST_COLUMNS = 200

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


class TableRow(msgspec.Struct, frozen=True):
    """A row of a table that was read."""

    line: int
    """The line of the file that it ends in, from 1 on."""
    cells: dict[str, str]
    """By column; none of a row that cannot be read."""
    problem: str = ""
    """The reason why it cannot be read."""


def write_row(cells: Iterable[str], separator: str) -> bytes:
    """Return one line."""
    out = io.StringIO()
    guarded = ["'" + cell if _FORMULA.match(cell) else cell for cell in cells]
    csv.writer(out, delimiter=separator, lineterminator="\r\n").writerow(guarded)
    return out.getvalue().encode("utf-8", "replace")


def read_table(
    body: bytes, known: Collection[str], needed: Sequence[str]
) -> Iterator[TableRow]:
    """Yield the rows of a table; `known` are the columns that there may be.

    Raises `InvalidFields`: for what is no table at once, and for a row after which
    nothing can be read when it is its turn.
    """
    text = _decoded(body)
    first = text.partition("\n")[0]
    separator = max(SEPARATORS.values(), key=first.count)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error as error:
        raise _wrong_line(1, str(error)) from None
    _check_header(header, known, needed)
    return _rows(reader, lines, header)


class _Lines:
    """The lines of a table; raises `InvalidFields` for a row that is too long."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self._number = 0
        self._length = 0

    def begin_row(self) -> None:
        """Count the characters of the next row, which may have several lines."""
        self._length = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._number += 1
        self._length += len(line)
        if self._length > LONGEST_ROW:
            text = f"This row has more than {LONGEST_ROW} characters."
            raise _wrong_line(self._number, text)
        return line


def _check_header(
    header: list[str], known: Collection[str], needed: Sequence[str]
) -> None:
    if len(header) > MOST_COLUMNS:
        text = f"There are {len(header)} columns; there can be {MOST_COLUMNS}."
        raise _wrong_line(1, text)
    problems: dict[str, list[str]] = {}
    for name in header:
        if header.count(name) > 1:
            problems[f"column {name}"] = ["This column is there twice."]
        elif name not in known:
            text = f"There is no such column; there are: {', '.join(known)}."
            problems[f"column {name}"] = [text]
    for name in needed:
        if name not in header:
            text = "This column is needed. The first line has the names of the columns."
            problems[f"column {name}"] = [text]
    if problems:
        raise InvalidFields(problems)


def _rows(reader: Any, lines: _Lines, header: list[str]) -> Iterator[TableRow]:
    rows = 0
    while True:
        lines.begin_row()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield TableRow(reader.line_num, {}, f"{error}.")
            continue
        if cells is None:
            return
        if not any(cells):
            continue  # an empty line, or a row of nothing at the end of a sheet
        rows += 1
        if rows > MOST_ROWS:
            text = f"There can be {MOST_ROWS} rows; divide the table."
            raise InvalidFields({"file": [text]})
        if len(cells) != len(header):
            text = f"There are {len(cells)} cells and {len(header)} columns."
            yield TableRow(reader.line_num, {}, text)
            continue
        values = (c[1:] if _GUARDED.match(c) else c for c in cells)
        yield TableRow(reader.line_num, dict(zip(header, values, strict=True)))


def _decoded(body: bytes) -> str:
    if body.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
        raise InvalidFields({"file": ["This is UTF-16. Save it as CSV UTF-8."]})
    try:
        return body.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise _wrong_line(
            line,
            f"Byte {error.start} is not UTF-8. In Excel, save it as CSV UTF-8.",
        ) from None


def _wrong_line(line: int, text: str) -> InvalidFields:
    return InvalidFields({f"line {line}": [text]})
