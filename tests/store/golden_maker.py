"""Makes the golden folder of the current format: one record in each table, every field
set to something that is not its default.

    python -m tests.store.golden_maker

Only for a new format or a new version of a table, into a new folder: what is in the
folders of earlier ones must be readable for ever and is never made again.
"""

import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.recurrence import DayOfWeek, Moved, Range, Recurrence, Weekly
from pexschedd.model.tables import TABLES
from tests.store.store_support import Opened

GOLDEN = Path(__file__).parent / "golden"
KEY = bytes(range(32))
MOMENT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


# Whose parts have to fit each other.
RECURRENCE = Recurrence(
    pattern=Weekly(interval=2, days=(DayOfWeek.TUESDAY, DayOfWeek.FRIDAY)),
    range=Range(date(2026, 3, 3), count=10),
    zone="Europe/Berlin",
    at=clock_time(9, 30),
    duration=timedelta(minutes=45),
    exceptions=(
        Moved(MOMENT, MOMENT + timedelta(hours=1), MOMENT + timedelta(hours=2)),
    ),
    deleted=(MOMENT + timedelta(days=14),),
)


def record(kind: type[Any]) -> Any:
    """A record with id 7 and something in every field."""
    values = {}
    declared = fields_of(kind)  # type: ignore[arg-type]  # hashable, as every class is
    for info in inspect.type_info(kind).fields:  # type: ignore[attr-defined]  # a struct's
        field = declared[info.name].field
        values[info.encode_name] = (
            field.choices[-1] if field.choices else _sample(info.type, info.name)
        )
    values["id"] = 7
    return msgspec.convert(msgspec.to_builtins(values), kind)


def _sample(kind: Any, name: str) -> Any:
    match kind:
        case inspect.UnionType(types=types):
            return _sample(next(t for t in types if t != inspect.NoneType()), name)
        case inspect.StrType():
            return f"{name} é"
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 3
        case inspect.FloatType():
            return 1.5
        case inspect.DateTimeType():
            return MOMENT
        case inspect.DateType():
            return date(2026, 3, 1)
        case inspect.TimeType():
            return clock_time(9, 30)
        case inspect.TimeDeltaType():
            return timedelta(hours=1)
        case inspect.EnumType(cls=cls):
            return list(cls)[-1]
        case inspect.LiteralType(values=values):
            return values[-1]
        case inspect.StructType(cls=cls) if cls is Recurrence:
            return RECURRENCE
        case inspect.StructType(cls=cls):
            return {f.encode_name: _sample(f.type, f.name) for f in kind.fields} | (
                {kind.tag_field: kind.tag} if kind.tag_field else {}
            )
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return [_sample(item, name)]
        case inspect.TupleType(item_types=items):
            return [_sample(item, name) for item in items]
        case inspect.DictType(value_type=value):
            return {name: _sample(value, name)}
        case inspect.FrozenSetType(item_type=item) | inspect.SetType(item_type=item):
            return [_sample(item, name)]
        case inspect.AnyType():
            return name
    raise TypeError(f"{name}: {kind}")


def make(directory: Path) -> None:
    opened = Opened(
        directory, list(TABLES), version="0.1.0", random=lambda size: KEY[:size]
    )
    for table in TABLES:
        opened.wait(opened.put(table, record(table.record)))
        if not table.document:
            # Something for compaction to leave out.
            opened.wait(opened.delete(table, 7))
            opened.wait(opened.put(table, record(table.record)))
    opened.compact()
    with opened.store.transaction() as change:
        journaled = [table for table in TABLES if not table.document]
        for table in journaled:
            change.put(table, msgspec.structs.replace(record(table.record), id=8))
        durable = change.commit()
    opened.wait(durable)
    opened.close()
    expected = {
        table.name: [msgspec.to_builtins(r) for r in opened.store.all(table)]
        for table in TABLES
    }
    text = msgspec.json.format(msgspec.json.encode(expected, order="sorted"), indent=1)
    directory.with_name(f"{directory.name}.expected.json").write_bytes(text + b"\n")
    for name in ("LOCK", "journal/00000001.jsonl"):
        (directory / name).unlink()
    for manifest in sorted((directory / "journal").glob("MANIFEST*"))[:-1]:
        manifest.unlink()


if __name__ == "__main__":
    target = GOLDEN / sys.argv[1]
    shutil.rmtree(target, ignore_errors=True)
    make(target)
