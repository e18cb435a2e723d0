"""Filters, order and pages, against plain lists."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.errors import InvalidFields
from pexschedd.management.list_query import ListQuery, make_query
from pexschedd.management.listing import Listing
from pexschedd.management.resources import (
    CONFERENCE,
    CONFERENCE_ALIAS,
    SCHEDULED_CONFERENCE,
    AnyResource,
)
from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.model.fields.declaration import Record
from pexschedd.model.fields.times import format_time
from pexschedd.model.schedule import ScheduledConference

CASE = SynchronousTestCase()
PAGING = (("limit", 20), ("offset", 0))
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Records:
    """The reading side of a store, the plainest way."""

    def __init__(self, *tables_: tuple[Any, Sequence[Record]]) -> None:
        self._records = {table.name: {r.id: r for r in all_} for table, all_ in tables_}

    def get(self, table: Any, id: int) -> Any:
        return self._records[table.name].get(id)

    def all(self, table: Any) -> Iterable[Any]:
        return list(self._records[table.name].values())

    def page(self, table: Any, offset: int, limit: int) -> Sequence[int]:
        return list(self._records[table.name])[offset : offset + limit]

    def count(self, table: Any) -> int:
        return len(self._records[table.name])

    def find_all(self, index: Any, key: Any) -> list[Any]:
        return [r for r in self.all(index.table) if index.key(r) == key]

    def find_each(self, index: Any, key: Any) -> Iterable[Any]:
        return iter(self.find_all(index, key))

    def subscribe(self, table: Any, changed: Any) -> None:
        """Nothing changes."""


ROOMS = [
    Conference(
        id=n,
        name=f"Room {n} {'αβγ'[n % 3]}",
        tag="ab"[n % 2],
        description="X%",
        primary_owner_email_address=["", "Alice@example.test"][n % 2],
    )
    for n in range(1, 31)
]
ALIASES = [
    ConferenceAlias(id=n, alias=f"Room{n}@Example.test", conference=n // 2 + 1)
    for n in range(1, 50)
]
MEETINGS = [
    ScheduledConference(
        id=n,
        conference=n % 30 + 1,
        start_time=START + timedelta(hours=n),
        end_time=START + timedelta(hours=n + 1),
        scheduled_alias=None if n % 4 else n,
    )
    for n in range(1, 40)
]
STORE = Records(
    (tables.CONFERENCE, ROOMS),
    (tables.CONFERENCE_ALIAS, ALIASES),
    (tables.SCHEDULED_CONFERENCE, MEETINGS),
)


def ask(resource: AnyResource, **arguments: object) -> tuple[list[int], int]:
    """The page for `limit`, `offset`, `order_by` and filters."""
    limit, offset = (int(str(arguments.pop(k, d))) for k, d in PAGING)
    order_by = str(arguments.pop("order_by", "")).split(",")
    query = make_query(
        resource,
        limit=limit,
        offset=offset,
        order_by=filter(None, order_by),
        filters=[(key, str(value)) for key, value in arguments.items()],
    )
    return select(resource, query)


def select(resource: AnyResource, query: ListQuery) -> tuple[list[int], int]:
    """Of few records, so at once."""
    selecting = Deferred.fromCoroutine(Listing(STORE, Clock()).select(resource, query))
    ids, total = CASE.successResultOf(selecting)
    return list(ids), total


ALIAS_URI = "/api/admin/configuration/v1/conference_alias/"
FILTERS: list[tuple[AnyResource, str, object, Any]] = [
    (CONFERENCE, "name", "Room 4 β", lambda r: r.name == "Room 4 β"),
    (CONFERENCE, "name", "room 4 β", lambda r: False),
    (CONFERENCE, "name__exact", "Room 4 β", lambda r: r.id == 4),
    (CONFERENCE, "name__iexact", "room 4 Β", lambda r: r.id == 4),
    (CONFERENCE, "name__contains", "om 1", lambda r: "om 1" in r.name),
    (CONFERENCE, "name__contains", "OM 1", lambda r: False),
    (CONFERENCE, "name__icontains", "OM 1", lambda r: "om 1" in r.name),
    (CONFERENCE, "name__startswith", "Room 2", lambda r: r.name[:6] == "Room 2"),
    (CONFERENCE, "name__istartswith", "rooM 2", lambda r: r.name[:6] == "Room 2"),
    (CONFERENCE, "name__endswith", "γ", lambda r: r.name.endswith("γ")),
    (CONFERENCE, "name__iendswith", "Γ", lambda r: r.name.endswith("γ")),
    (CONFERENCE, "description__contains", "%", lambda r: True),
    (CONFERENCE, "description__contains", ".*", lambda r: False),
    (CONFERENCE, "name__gt", "Room 3", lambda r: r.name > "Room 3"),
    (CONFERENCE, "tag__in", "a,c", lambda r: r.tag == "a"),
    (CONFERENCE, "primary_owner_email_address", "", lambda r: r.id % 2 == 0),
    (
        CONFERENCE,
        "primary_owner_email_address",
        "Alice@example.test",
        lambda r: r.id % 2 == 1,
    ),
    (
        CONFERENCE,
        "primary_owner_email_address",
        "alice@example.test",
        lambda r: False,
    ),
    (CONFERENCE, "name__regex", r"^Room [3-5]\b", lambda r: r.id in (3, 4, 5)),
    (CONFERENCE, "name__regex", "^room", lambda r: False),
    (CONFERENCE, "name__iregex", "^room 3", lambda r: r.id in (3, 30)),
    (CONFERENCE, "aliases__alias__regex", "^Room6@", lambda r: r.id == 4),
    (CONFERENCE, "id", 7, lambda r: r.id == 7),
    (CONFERENCE, "id__in", "7,9,99", lambda r: r.id in (7, 9)),
    (CONFERENCE, "id__lte", 9, lambda r: r.id <= 9),
    (CONFERENCE, "allow_guests", "false", lambda r: True),
    (CONFERENCE, "allow_guests", "1", lambda r: False),
    (CONFERENCE, "ivr_theme__isnull", "true", lambda r: True),
    (CONFERENCE, "aliases__alias", "Room6@Example.test", lambda r: r.id == 4),
    (
        CONFERENCE,
        "aliases__alias__icontains",
        "room1",
        lambda r: r.id in (1, 6, 7, 8, 9, 10),
    ),
    (CONFERENCE, "aliases", 6, lambda r: r.id == 4),
    (CONFERENCE, "aliases__exact", f"{ALIAS_URI}6/", lambda r: r.id == 4),
    (CONFERENCE, "aliases__in", f"6,{ALIAS_URI}7/,99", lambda r: r.id == 4),
    (CONFERENCE_ALIAS, "name__icontains", "ROOM6", lambda r: r.id == 6),
    (CONFERENCE, "scheduled_conferences__id__gte", 39, lambda r: r.id == 10),
    (CONFERENCE_ALIAS, "alias", "Room6@Example.test", lambda r: r.id == 6),
    (CONFERENCE_ALIAS, "alias", "room6@example.test", lambda r: False),
    (CONFERENCE_ALIAS, "alias__iexact", "room6@example.test", lambda r: r.id == 6),
    (CONFERENCE_ALIAS, "conference", 4, lambda r: r.conference == 4),
    (
        CONFERENCE_ALIAS,
        "conference",
        "/api/admin/configuration/v1/conference/4/",
        lambda r: r.conference == 4,
    ),
    (CONFERENCE_ALIAS, "conference__id", 4, lambda r: r.conference == 4),
    (CONFERENCE_ALIAS, "conference__name", "Room 4 β", lambda r: r.conference == 4),
    (
        CONFERENCE_ALIAS,
        "conference__name__endswith",
        "β",
        lambda r: ROOMS[r.conference - 1].name.endswith("β"),
    ),
    (
        SCHEDULED_CONFERENCE,
        "start_time__gte",
        "2026-11-22T09:00:00",
        lambda r: r.id >= 24,
    ),
    (
        SCHEDULED_CONFERENCE,
        "start_time__lt",
        "2026-11-22T10:00:00+01:00",
        lambda r: r.id < 24,
    ),
    (SCHEDULED_CONFERENCE, "start_time", "2026-11-21T11:00:00Z", lambda r: r.id == 2),
    (SCHEDULED_CONFERENCE, "scheduled_alias__isnull", "false", lambda r: r.id % 4 == 0),
    (SCHEDULED_CONFERENCE, "scheduled_alias", 8, lambda r: r.id == 8),
]


@pytest.mark.parametrize(("resource", "key", "value", "expected"), FILTERS)
def test_filter(resource: AnyResource, key: str, value: object, expected: Any) -> None:
    """Each filter gives exactly the records that fit."""
    found, total = ask(resource, **{key: value}, limit=0)
    assert found == [r.id for r in STORE.all(resource.table) if expected(r)]
    assert total == len(found)


@pytest.mark.parametrize(
    ("resource", "key", "value"),
    [
        (CONFERENCE, "no_such_field", "1"),
        (CONFERENCE, "name__like", "1"),
        (CONFERENCE, "name__regex", "(a+"),
        (CONFERENCE, "name__regex", "(?=a)"),
        (CONFERENCE, "name__iregex", "a" * 201),
        (CONFERENCE, "name__regex", "(a{50}){20}"),
        (CONFERENCE, "id__regex", "1"),
        (CONFERENCE, "name__name", "1"),
        (CONFERENCE, "aliases", "x"),
        (CONFERENCE, "aliases__gt", "1"),
        (CONFERENCE, "allow_guests__gt", "true"),
        (CONFERENCE, "aliases__secret", "1"),
        (CONFERENCE, "aliases__conference__name", "1"),
        (CONFERENCE, "ivr_theme__title", "1"),
        (CONFERENCE, "id", "one"),
        (CONFERENCE, "id", "٣"),
        (CONFERENCE, "id", "9" * 30),
        (CONFERENCE, "id__contains", "1"),
        (CONFERENCE, "allow_guests", "maybe"),
        (CONFERENCE, "ivr_theme__isnull", "2"),
        (CONFERENCE, "", "1"),
        (CONFERENCE, "__", "1"),
        (CONFERENCE_ALIAS, "conference", "/api/admin/configuration/v1/other/4/"),
        (CONFERENCE_ALIAS, "conference", "-1"),
        (SCHEDULED_CONFERENCE, "start_time__gte", "yesterday"),
        (SCHEDULED_CONFERENCE, "ews_item_id_", "1"),
        (SCHEDULED_CONFERENCE, "sequence", "1"),
        (CONFERENCE, "order_by", "nothing"),
        (CONFERENCE, "order_by", "--name"),
    ],
)
def test_wrong_argument_is_named(resource: AnyResource, key: str, value: str) -> None:
    """What cannot be understood is refused: a typing error must not list all."""
    with pytest.raises(InvalidFields) as caught:
        ask(resource, **{key: value})
    assert set(caught.value.problems) == {key}


@given(
    limit=st.integers(0, 40),
    offset=st.integers(0, 50),
    order=st.lists(
        st.sampled_from(["id", "-id", "name", "-name", "tag", "-tag"]), max_size=3
    ),
    tag=st.sampled_from([None, "a", "b", "c"]),
)
def test_pages_are_slices(
    limit: int, offset: int, order: list[str], tag: str | None
) -> None:
    """A page is a slice of the filtered list in the wanted order."""
    arguments: dict[str, object] = {"limit": limit, "offset": offset}
    if order:
        arguments["order_by"] = ",".join(order)
    expected = [r for r in ROOMS if tag in (None, r.tag)]
    if tag is not None:
        arguments["tag"] = tag
    for name in reversed(order):
        key = name.removeprefix("-")
        expected.sort(key=lambda r: getattr(r, key), reverse=name[0] == "-")
    found, total = ask(CONFERENCE, **arguments)
    assert total == len(expected)
    page = expected[offset : offset + limit] if limit else expected[offset:]
    assert found == [r.id for r in page]


def test_nothing_sorts_before_something() -> None:
    """Records without a value come first, and last in descending order."""
    found, _ = ask(SCHEDULED_CONFERENCE, order_by="scheduled_alias", limit=0)
    aliases = [MEETINGS[id_ - 1].scheduled_alias for id_ in found]
    assert aliases == [None] * 30 + list(range(4, 40, 4))
    found, _ = ask(SCHEDULED_CONFERENCE, order_by="-scheduled_alias", limit=9)
    assert found == list(range(36, 0, -4))


@given(st.text(), st.text())
def test_any_query_is_answered_or_refused(key: str, value: str) -> None:
    """No argument does anything else than filter or be named."""
    try:
        make_query(SCHEDULED_CONFERENCE, limit=0, filters=[(key, value)])
    except InvalidFields as error:
        assert error.problems  # noqa: PT017 - both outcomes are right


def test_times_in_filters_are_what_lists_show() -> None:
    """A time can be copied from an answer into a filter."""
    text = format_time(MEETINGS[4].start_time)
    assert ask(SCHEDULED_CONFERENCE, start_time=text)[0] == [5]
