"""exchangelib, unmodified, as a room system: it reads the calendar of its own room."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import exchangelib as ex
import pytest
import pytest_twisted
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from exchangelib.ewsdatetime import EWSDateTime, EWSTimeZone
from exchangelib.protocol import close_connections
from exchangelib.version import EXCHANGE_2016, Version
from twisted.internet.threads import deferToThread

from pexschedd.onetouch.invitation.html_text import read_html
from pexschedd.onetouch.invitation.machine_block import take_machine_block
from tests.web_rooms.rooms_support import NOW, OAK, PASSWORD, USER, RoomWorld, meeting

T = TypeVar("T")
UTC_ZONE = EWSTimeZone("UTC")
FROM = EWSDateTime(2026, 12, 1, tzinfo=UTC_ZONE)
UNTIL = EWSDateTime(2026, 12, 8, tzinfo=UTC_ZONE)


def account(world: RoomWorld, auth: str = "basic", user: str = USER) -> Any:
    config = ex.Configuration(
        service_endpoint=world.ews,
        credentials=ex.Credentials(user, PASSWORD),
        auth_type=auth,
        retry_policy=ex.FailFast(),
        version=Version(build=EXCHANGE_2016),
    )
    return ex.Account(
        OAK,
        config=config,
        autodiscover=False,
        access_type=ex.DELEGATE,
        default_timezone=UTC_ZONE,
    )


async def in_thread(work: Callable[[], T]) -> T:
    def run() -> T:
        try:
            return work()
        finally:
            close_connections()

    result: T = await deferToThread(run)
    return result


@pytest.mark.parametrize("auth", ["basic", "NTLM"])
@pytest_twisted.ensureDeferred
async def test_the_view_and_its_items(world: RoomWorld, auth: str) -> None:
    """A system reads the week of its room, with what to dial where such systems look,
    whichever way it signs in."""
    private = meeting("Confidential", NOW + timedelta(hours=4), is_private=True)
    plain = meeting("Lunch", NOW + timedelta(hours=6), details=None)
    before = world.lists.meetings[world.oak]
    world.lists.meetings[world.oak] = (*before, private, plain)

    def read() -> list[Any]:
        return list(account(world, auth).calendar.view(FROM, UNTIL))

    found = await in_thread(read)
    assert [item.subject for item in found] == [
        *("Standup", "Review", "Confidential", "Lunch")
    ]
    first, _, third, last = found
    assert first.start == NOW + timedelta(hours=1)
    assert first.end == NOW + timedelta(hours=2)
    assert first.location == "sip:123.456@zoomcrc.com"
    assert "\r\nsip:123.456@zoomcrc.com\r\n" in f"\r\n{first.text_body}"
    assert take_machine_block(first.text_body)[1] == "123.456@zoomcrc.com"
    assert "sip:123.456@zoomcrc.com" in first.body
    assert (first.organizer.name, first.organizer.email_address) == (
        *("Alice Ångström", "alice@example.test"),
    )
    assert first.required_attendees[0].mailbox.email_address == OAK
    assert not first.is_all_day
    assert not first.is_cancelled
    assert (first.sensitivity, third.sensitivity) == ("Normal", "Private")
    assert last.location is None
    assert not last.text_body


@pytest_twisted.ensureDeferred
async def test_what_has_changed(world: RoomWorld) -> None:
    """Synchronising and pulling tell of new, changed and cancelled meetings, once."""

    def work() -> None:
        calendar = account(world).calendar
        assert len(list(calendar.sync_items())) == 2
        assert not list(calendar.sync_items())
        with calendar.pull_subscription() as (id, watermark):
            (quiet,) = calendar.get_events(id, watermark)
            assert [type(e).__name__ for e in quiet.events] == ["StatusEvent"]
            moved = meeting("Standup", NOW + timedelta(hours=2))
            world.lists.meetings[world.oak] = (moved, meeting("New"))
            changes = dict(calendar.sync_items())
            assert set(changes) == {"create", "delete", "update"}
            assert changes["create"].subject == "New"
            assert changes["update"].subject == "Standup"
            for _ in range(2):  # the first answer was lost
                (told,) = calendar.get_events(id, watermark)
                assert sorted(type(e).__name__ for e in told.events) == [
                    *("CreatedEvent", "DeletedEvent", "ModifiedEvent")
                ]
            (after,) = calendar.get_events(id, told.events[-1].watermark)
            assert [type(e).__name__ for e in after.events] == ["StatusEvent"]

    await in_thread(work)


@pytest_twisted.ensureDeferred
async def test_busy_times_and_names(world: RoomWorld) -> None:
    """Busy times come back in the zone of the client, and the address book has the
    room."""

    def work() -> None:
        own = account(world)
        berlin = EWSTimeZone("Europe/Berlin")
        start = EWSDateTime(2026, 12, 1, 8, tzinfo=berlin)
        (busy,) = own.protocol.get_free_busy_info(
            accounts=[(own, "Organizer", False)],
            start=start,
            end=start + timedelta(hours=10),
            merged_free_busy_interval=30,
            requested_view="DetailedMerged",
        )
        # 9 to 10 in UTC is 10 to 11 in Berlin, two hours after the window's begin.
        assert busy.merged == "0000" + "22" + "0" * 14
        event = busy.calendar_events[0]
        assert (event.start.hour, event.end.hour) == (10, 11)
        assert event.details.subject == "Standup"
        (found,) = own.protocol.resolve_names(["Oak"])
        assert found.email_address == OAK
        assert len(list(own.protocol.get_timezones())) > 100

    await in_thread(work)


@pytest_twisted.ensureDeferred
async def test_autodiscover(world: RoomWorld) -> None:
    """Autodiscover leads to the calendar on the host that was asked."""

    def work() -> str:
        protocol = AutodiscoverProtocol(
            config=ex.Configuration(
                service_endpoint=f"{world.url}/autodiscover/autodiscover.svc",
                credentials=ex.Credentials(f"EXAMPLE\\{USER}", PASSWORD),
                auth_type="basic",
                version=Version(build=EXCHANGE_2016),
                retry_policy=ex.FailFast(),
            )
        )
        response = protocol.get_user_settings(OAK)
        return str(response.ews_url)

    assert await in_thread(work) == world.ews


@pytest_twisted.ensureDeferred
async def test_html_is_read_as_written(world: RoomWorld) -> None:
    """Our own reader of invitations finds in the body what it was made of."""

    def read() -> str:
        first = next(iter(account(world).calendar.view(FROM, UNTIL)))
        return str(first.body)

    found = read_html(await in_thread(read))
    assert "sip:123.456@zoomcrc.com" in str(found)
