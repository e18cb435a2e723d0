"""Who may join: aliases as nodes send them, against what is stored."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor

from pexschedd.errors import StoreError
from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.platform.names import IdentityProviderGroup, IvrTheme
from pexschedd.model.recurrence import Daily, Range, Recurrence
from pexschedd.model.schedule import RecurringConference, ScheduledConference
from pexschedd.scheduling.admission import Admission, Closed, Open, verdict
from pexschedd.store.store import Store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def unexpected(error: StoreError) -> None:
    pytest.fail(error.message)


@pytest_twisted.async_yield_fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A permanent room, a room for a meeting, and an alias without a room yet."""
    store = Store.open(
        tmp_path, tables.TABLES, reactor=cast(Any, reactor), failed=unexpected
    )
    change = store.transaction()
    for number, name in ((1, "Permanent"), (2, "Meeting")):
        change.put(tables.CONFERENCE, Conference(id=number, name=name))
    for id, conference, alias in ((1, 1, "Board@Example.test"), (2, 2, "555000002")):
        change.put(
            tables.CONFERENCE_ALIAS,
            ConferenceAlias(id=id, alias=alias, conference=conference),
        )
    for number in (2, 3):
        change.put(
            tables.SCHEDULED_ALIAS,
            ScheduledAlias(
                id=number,
                uuid=str(number),
                alias=f"55500000{number}@example.test",
                numeric_alias=f"55500000{number}",
                alias_number=number,
                exchange_connector=1,
                creation_time=NOW,
            ),
        )
    change.put(
        tables.SCHEDULED_CONFERENCE,
        ScheduledConference(
            id=1,
            conference=2,
            start_time=NOW - HOUR,
            end_time=NOW + HOUR,
            scheduled_alias=2,
        ),
    )
    await change.commit()
    yield store
    await store.close()


@pytest_twisted.ensureDeferred
async def test_a_permanent_room_is_always_open(store: Store) -> None:
    """A room that was not made for a meeting has no window."""
    for dialled in ("board@example.test", "SIP:BOARD@example.test;transport=tls"):
        assert isinstance(Admission(store, lambda: NOW).ask(dialled), Open)


@pytest_twisted.ensureDeferred
async def test_a_meeting_opens_and_closes(store: Store) -> None:
    """The same alias is closed, open and closed again as time goes by."""
    verdicts = [
        Admission(store, lambda hours=hours: NOW + hours * HOUR).ask("555000002")  # type: ignore[misc]
        for hours in (-2, 0, 1)
    ]
    assert isinstance(verdicts[0], Closed)
    assert verdicts[0].opens == NOW - HOUR
    assert isinstance(verdicts[1], Open)
    assert verdicts[2] == Closed("This meeting is over.")


@pytest_twisted.ensureDeferred
async def test_a_meeting_room_does_not_outlive_its_schedule(store: Store) -> None:
    """Deleting the schedule of a meeting's room closes it; nobody gets in by that."""
    change = store.transaction()
    change.delete(tables.SCHEDULED_CONFERENCE, 1)
    await change.commit()
    assert isinstance(Admission(store, lambda: NOW).ask("555000002"), Closed)


@pytest_twisted.ensureDeferred
async def test_an_alias_without_a_room_is_ours_and_closed(store: Store) -> None:
    """An alias that was handed out is not left to a node's own configuration."""
    ask = Admission(store, lambda: NOW).ask
    for dialled in ("555000003", "555000003@EXAMPLE.test"):
        assert isinstance(ask(dialled), Closed)
    assert ask("555000003@elsewhere.test") is None
    assert ask("555999999") is None
    assert ask("") is None


ROLES: list[tuple[dict[str, Any], tuple[str, str] | None]] = [
    ({}, ("", "")),
    ({"host_identity_provider_group": 1}, ("Staff", "")),
    ({"host_identity_provider_group": 7}, None),
    ({"guest_identity_provider_group": 7}, None),
    ({"guest_identity_provider_group": 2}, ("Partners", "")),
    ({"guest_identity_provider_group": 2, "allow_guests": True}, ("Partners", "")),
    (
        {"guest_identity_provider_group": 2, "allow_guests": True, "pin": "1234"},
        ("", "Partners"),
    ),
    (
        {
            "host_identity_provider_group": 1,
            "guest_identity_provider_group": 2,
            "allow_guests": True,
            "pin": "1234",
        },
        ("Staff", "Partners"),
    ),
    (
        {
            "host_identity_provider_group": 1,
            "guest_identity_provider_group": 7,
            "allow_guests": True,
            "pin": "1234",
        },
        None,
    ),
]


@pytest.mark.parametrize(("settings", "groups"), ROLES)
@pytest_twisted.ensureDeferred
async def test_a_sign_in_is_asked_for_or_the_room_is_closed(
    store: Store, settings: dict[str, Any], groups: tuple[str, str] | None
) -> None:
    """Nodes are told each role's group; where they cannot be, as with a group that is
    not known here, nobody gets in. Without guests everybody is a host."""
    change = store.transaction()
    for number, name in ((1, "Staff"), (2, "Partners")):
        group = IdentityProviderGroup(id=number, name=name)
        change.put(tables.IDENTITY_PROVIDER_GROUP, group)
    await change.commit()
    change = store.transaction()
    change.put(tables.CONFERENCE, Conference(id=1, name="Permanent", **settings))
    change.put(tables.CONFERENCE, Conference(id=2, name="Meeting", **settings))
    await change.commit()
    for alias in ("board@example.test", "555000002"):
        found = Admission(store, lambda: NOW).ask(alias)
        if groups is None:
            assert isinstance(found, Closed)
            assert "tell your administrator" in found.reason
        else:
            assert isinstance(found, Open)
            assert (found.host_group, found.guest_group) == groups


@pytest_twisted.ensureDeferred
async def test_a_theme_is_named(store: Store) -> None:
    """A room has its theme's name; one that is not known here is the default."""
    change = store.transaction()
    change.put(tables.IVR_THEME, IvrTheme(id=1, name="Night"))
    await change.commit()
    for theme, name in ((1, "Night"), (7, ""), (None, "")):
        change = store.transaction()
        room = Conference(id=1, name="Permanent", ivr_theme=theme)
        change.put(tables.CONFERENCE, room)
        await change.commit()
        found = Admission(store, lambda: NOW).ask("board@example.test")
        assert found == Open(room, name)


def test_a_series_in_an_unknown_zone_opens_nothing() -> None:
    """The caller is told why, and the room's other meetings are admitted as ever."""
    lost = RecurringConference(
        id=1,
        conference=2,
        exchange_connector=1,
        ews_item_uid="uid",
        recurrence=Recurrence(
            pattern=Daily(),
            range=Range(NOW.date()),
            at=time(12),
            duration=HOUR,
            zone="No/Where",
        ),
    )
    room = Conference(id=2, name="Meeting")
    later = ScheduledConference(
        id=1, conference=2, start_time=NOW + HOUR, end_time=NOW + 2 * HOUR
    )
    alone = verdict(room, [], [lost], NOW)
    assert isinstance(alone, Closed)
    assert alone.reason.startswith("The times of this meeting are not known here.")
    assert verdict(room, [later], [lost], NOW) == Closed(
        "This meeting opens at 2026-11-23 13:00 UTC.", NOW + HOUR
    )
    assert isinstance(verdict(room, [later], [lost], NOW + HOUR), Open)
