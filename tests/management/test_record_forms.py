"""Spliced JSON is what `represent` shows, byte by byte, and is remembered in bounds."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from pexschedd.management.lists.record_forms import RecordForms, joined
from pexschedd.management.lists.record_memory import RecentMemory, SteadyMemory
from pexschedd.management.representation import represent
from pexschedd.management.resources import (
    CONFERENCE,
    CONFERENCE_ALIAS,
    CONFIGURATION,
    AnyResource,
)
from pexschedd.model import tables
from pexschedd.model.fields.declaration import Declared, fields_of
from pexschedd.model.recurrence import Daily, Range, Recurrence
from pexschedd.model.table import Index, Table

SERIES = Recurrence(
    pattern=Daily(interval=1),
    range=Range(start=date(2026, 11, 21)),
    duration=timedelta(hours=1),
)
TEXTS = ("", "a", '"%b" %% \\ \0', "\u00e9\U0001f600", "{}/")


class Records:
    """Some records, all of which belong to each other."""

    def __init__(self, records: Iterable[tuple[Table[Any], Any]]) -> None:
        self._records = [*records]

    def get(self, table: Table[Any], id: int) -> Any:
        found = (each for where, each in self._records if where is table)
        return next((each for each in found if each.id == id), None)

    def find_all(self, index: Index[Any], key: Any) -> list[Any]:
        return [each for table, each in self._records if table is index.table]

    find_each = find_all


def value_of(declared: Declared, random: Random) -> Any:
    """Some value of a field; often its default."""
    if declared.nullable and random.random() < 0.3:
        return None
    if not declared.required and random.random() < 0.5:
        return declared.default
    if declared.type is str:
        return random.choice(TEXTS)
    if declared.type is int:
        return random.randrange(10**6)
    if declared.type is bool:
        return random.random() < 0.5
    if declared.type is datetime:
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(random.random())
    return SERIES if declared.required else declared.default


def record_of(table: Table[Any], random: Random) -> Any:
    kind: Any = table.record
    fields = fields_of(kind).items()
    return kind(**{name: value_of(each, random) for name, each in fields})


@pytest.mark.parametrize("resource", CONFIGURATION.values(), ids=lambda r: r.name)
def test_the_same_bytes(resource: AnyResource) -> None:
    """Records of every resource, alone and with any number of those that belong to
    them, look as they do when they are put together field by field."""
    children = [resource.others[child.resource] for child in resource.children.values()]
    others = [each.table for each in children]
    others += [each.index.table for each in resource.referrers]
    others += [
        CONFIGURATION[column.related].table
        for column in resource.columns.values()
        if column.nested and column.related in CONFIGURATION
    ]
    random = Random(1)  # noqa: S311
    for count in (0, 1, 2, 1, 2, 3, 0, 12, 1, 1, 2) * 5:
        record = record_of(resource.table, random)
        kept = [(table, record_of(table, random)) for table in others * count]
        store = Records([(resource.table, record), *kept])
        forms = RecordForms(store, resource)
        expected = msgspec.json.encode(represent(store, resource, record))
        for _ in range(2):  # by a form that is made, and by one that is there
            assert joined(forms.splice(record)) == expected


def test_a_form_is_shared() -> None:
    """Rooms that differ in the same fields have the same form, and little of their
    own."""
    rooms = [
        tables.CONFERENCE.record(id=number, name=f"Room {number}")
        for number in range(1, 30)
    ]
    forms = RecordForms(Records([]), CONFERENCE)
    spliced = [forms.splice(room) for room in rooms]
    assert len({id(form) for form, _ in spliced}) == 1
    assert max(len(own) for _, own in spliced) < 40


def test_many_forms_are_not_kept() -> None:
    """However differently records are filled in, the memory for forms is bounded, and
    the JSON is right."""
    names = [
        name
        for name, each in fields_of(tables.CONFERENCE.record).items()
        if each.type is str and not each.required and name in CONFERENCE.columns
    ]
    make: Any = tables.CONFERENCE.record
    forms = RecordForms(Records([]), CONFERENCE)
    for number in range(1500):
        chosen = {n: "x" for place, n in enumerate(names) if number >> place & 1}
        room = make(id=1, name="Room", **chosen)
        expected = msgspec.json.encode(represent(Records([]), CONFERENCE, room))
        assert joined(forms.splice(room)) == expected
    assert len(forms._forms) <= 500


RESOURCES = (CONFERENCE, CONFERENCE_ALIAS)


def test_walks_through_more_than_there_is_room_for() -> None:
    """Each walk finds as much as there is room for; another resource makes room for
    itself, little by little."""
    memory: SteadyMemory[bytes] = SteadyMemory(RESOURCES, 100_000, len)

    def walk(resource: AnyResource, count: int) -> int:
        found = 0
        for id in range(count):
            if memory.find(resource, id) is not None:
                found += 1
            else:
                memory.keep(resource, id, b"x" * 280)
        return found

    assert walk(CONFERENCE, 1000) == 0
    assert walk(CONFERENCE, 1000) == walk(CONFERENCE, 1000) == 200
    walk(CONFERENCE_ALIAS, 1000)
    assert walk(CONFERENCE_ALIAS, 1000) > 190
    memory.forget(CONFERENCE_ALIAS, 999)
    memory.forget_all(CONFERENCE_ALIAS)
    assert walk(CONFERENCE_ALIAS, 10) == 0


def test_what_is_asked_for_lately_stays() -> None:
    """What is asked for again and again is kept while other things come and go."""
    memory: RecentMemory[bytes] = RecentMemory(RESOURCES, 100_000, len)
    memory.keep(CONFERENCE, 0, b"often")
    for id in range(1, 3000):
        memory.keep(CONFERENCE, id, b"x" * 280)
        if id % 50 == 0:
            assert memory.find(CONFERENCE, 0) == b"often"
    kept = [id for id in range(3000) if memory.find(CONFERENCE, id)]
    assert 0 in kept
    assert len(kept) < 210
    memory.forget(CONFERENCE, 0)
    assert memory.find_all(CONFERENCE, [0]) == [None]
    memory.forget_all(CONFERENCE)
    assert not any(memory.find(CONFERENCE, id) for id in range(3000))
