"""Meetings that Alice books at an independent client, on the screens of rooms."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import exchangelib as ex
import msgspec
import pytest
import pytest_twisted
from exchangelib.items import SEND_TO_ALL_AND_SAVE_COPY
from exchangelib.recurrence import Recurrence, WeeklyPattern
from twisted.logger import formatEvent, globalLogPublisher
from twisted.web.server import Site

from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.onetouch.autodiscover_url import AutodiscoverUrl
from pexschedd.model.schedule import ScheduledConference
from pexschedd.onetouch.deployments import KINDS, DeploymentKind
from pexschedd.scheduling.alarms import names
from tests.identity.oauth_support import Provider
from tests.onetouch.calendars.room_world import (
    ASH,
    DIAL,
    ELM,
    OAK,
    ZOOM,
    RoomWorld,
)
from tests.scheduling.process_support import CONNECTOR
from tests.stories.story_clock import reactor
from tests.stories.story_organizer import attendees, ews_time
from tests.stories.story_terms import AT_TEN, DAY, HOUR
from tests.turns import until

WEEK = timedelta(days=7)


@pytest_twisted.async_yield_fixture(params=KINDS, ids=lambda kind: kind.name)
async def world(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[RoomWorld]:
    """A world for each kind of deployment."""
    world = RoomWorld(tmp_path, kind=request.param)
    await world.start()
    yield world
    await world.stop()


@pytest_twisted.async_yield_fixture()
async def on_premises(tmp_path: Path) -> AsyncIterator[RoomWorld]:
    """A world for what only deployments of Exchange have."""
    world = RoomWorld(tmp_path)
    await world.start()
    yield world
    await world.stop()


@pytest_twisted.ensureDeferred
async def test_a_meeting_moves_and_is_cancelled(world: RoomWorld) -> None:
    """It is on the screen with its button, at its new time after a move, and gone
    after its cancellation."""
    await world.configure(OAK)
    meeting = await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    assert await world.shows() == [("Plan", DIAL)]
    (line,) = world.screen()
    assert (line.start, line.organizer_name) == (AT_TEN, "Alice Archer")
    await world.alice.move(meeting, AT_TEN + 2 * HOUR)
    assert await world.shows() == [("Plan", DIAL)]
    assert [each.start for each in world.screen()] == [AT_TEN + 2 * HOUR]
    await world.alice.cancel(meeting)
    assert await world.shows() == []


@pytest_twisted.ensureDeferred
async def test_a_text_is_changed(world: RoomWorld) -> None:
    """A new link is dialled, and without one there is no button."""
    await world.configure(OAK)
    meeting = await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    assert await world.shows() == [("Plan", DIAL)]
    other = ex.HTMLBody("<p>https://zoom.us/j/9876543210</p>")
    await world.alice.change(meeting, body=other)
    assert await world.shows() == [("Plan", "9876543210@zoomcrc.com")]
    await world.alice.change(meeting, body=ex.HTMLBody("<p>In person</p>"))
    assert await world.shows() == [("Plan", "")]


@pytest_twisted.ensureDeferred
async def test_a_private_meeting(world: RoomWorld) -> None:
    """Its subject is replaced by the organizer's name on the screen, and it stays out
    of the log."""
    await world.configure(OAK)
    events: list[Any] = []
    observer = cast(Any, events.append)
    globalLogPublisher.addObserver(observer)
    await world.alice.invite(
        "Salaries", AT_TEN, body=ZOOM, resources=[OAK], sensitivity="Private"
    )
    assert await world.shows() == [("Alice Archer", DIAL)]
    assert world.screen()[0].is_private
    await world.alice.invite("Plan", AT_TEN + HOUR, body=ZOOM, resources=[OAK])
    await world.read()
    globalLogPublisher.removeObserver(observer)
    lines = [formatEvent(event) or "" for event in events]
    created = [line for line in lines if line.startswith("OTJ meeting created")]
    assert len(created) == 2
    assert f"room={OAK}" in created[0]
    assert f"subject=Plan alias={DIAL} rule=Zoom" in created[1]
    assert not any("Salaries" in line for line in lines)


@pytest_twisted.ensureDeferred
async def test_a_room_that_deletes_texts(world: RoomWorld) -> None:
    """Its copies have nothing to dial, and an alarm has the command that mends it."""
    await world.configure(ELM)
    for n in range(3):
        start = AT_TEN + n * DAY
        await world.alice.invite("Plan", start, body=ZOOM, resources=[ELM])
    assert await world.shows() == [("Alice Archer", "")] * 3
    service = world.daemon.one_touch.reading
    await service._look(lambda: True)
    alarms = {a.name: a.details for a in world.store.all(tables.ALARM)}
    assert (
        "-Identity 'elm@example.test' -DeleteComments $false"
        in (alarms[names.ONE_TOUCH_PROCESSING])
    )


@pytest_twisted.ensureDeferred
async def test_a_meeting_that_we_scheduled(world: RoomWorld) -> None:
    """Our own scheduling side knows its UID, so the room that deletes texts has its
    button, as long as the meeting is scheduled."""
    await world.configure(ELM)
    meeting = await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[ELM])

    def read_uid() -> str:
        meeting.refresh()
        return str(meeting.uid)

    uid = await world.at_exchange(read_uid)
    alias = "555123@example.test"
    with world.store.transaction() as change:
        change.put(tables.CONNECTOR, CONNECTOR)
        durable = change.commit()
    await durable
    with world.store.transaction() as change:
        handed_out = ScheduledAlias(
            id=1,
            uuid="1",
            alias=alias,
            numeric_alias="555123",
            alias_number=123,
            exchange_connector=1,
            creation_time=world.now(),
        )
        change.put(tables.SCHEDULED_ALIAS, handed_out)
        scheduled = ScheduledConference(
            id=1,
            conference=1,
            start_time=AT_TEN,
            end_time=AT_TEN + HOUR,
            scheduled_alias=1,
            ews_item_uid=uid,
            exchange_connector=1,
        )
        change.put(tables.SCHEDULED_CONFERENCE, scheduled)
        durable = change.commit()
    await durable
    assert await world.shows() == [("Alice Archer", alias)]


async def weekly(world: RoomWorld, first: datetime, **fields: Any) -> Any:
    """Alice invites the room to three Mondays, Berlin time."""
    berlin = ex.EWSTimeZone("Europe/Berlin")
    start = ews_time(first).astimezone(berlin)

    def work() -> Any:
        item = ex.CalendarItem(
            account=world.alice.account,
            folder=world.alice.account.calendar,
            subject="Weekly",
            start=start,
            end=start + HOUR,
            body=ex.HTMLBody(ZOOM),
            resources=attendees(OAK),
            recurrence=Recurrence(
                pattern=WeeklyPattern(interval=1, weekdays=["Monday"]),
                start=start.date(),
                number=3,
            ),
            **fields,
        )
        item.save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
        return item

    return await world.at_exchange(work)


def occurrence(world: RoomWorld, around: datetime) -> Any:
    """The occurrence in Alice's calendar on that day."""
    view = world.alice.account.calendar.view(
        start=ews_time(around - HOUR * 5), end=ews_time(around + HOUR * 5)
    )
    (found,) = list(view)
    return found


@pytest_twisted.ensureDeferred
async def test_a_series_over_a_change_of_clocks(world: RoomWorld) -> None:
    """Each occurrence is on the screen at the local time, also after the clocks have
    changed; a changed one is by itself, and a deleted one is not there."""
    world.now.time = datetime(2027, 3, 21, 8, tzinfo=AT_TEN.tzinfo)
    await world.configure(OAK)
    first = datetime(2027, 3, 22, 9, tzinfo=AT_TEN.tzinfo)  # 10 o'clock in Berlin
    await weekly(world, first)
    assert await world.shows() == [("Weekly", DIAL)] * 2
    second = first + WEEK - HOUR  # 10 o'clock in summer time
    assert [line.start for line in world.screen()] == [first, second]

    def move() -> None:
        found = occurrence(world, second)
        found.start = ews_time(second + 3 * HOUR)
        found.end = ews_time(second + 4 * HOUR)
        found.save(
            update_fields=["start", "end"],
            send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY,
        )

    await world.at_exchange(move)
    assert await world.shows() == [("Weekly", DIAL)] * 2
    assert [line.start for line in world.screen()] == [first, second + 3 * HOUR]

    def delete() -> None:
        occurrence(world, first).delete(
            send_meeting_cancellations=SEND_TO_ALL_AND_SAVE_COPY
        )

    await world.at_exchange(delete)
    await world.shows()
    assert [line.start for line in world.screen()] == [second + 3 * HOUR]


@pytest_twisted.ensureDeferred
async def test_rooms_of_one_meeting(world: RoomWorld) -> None:
    """Each of two rooms shows it, by its own copy."""
    await world.configure(OAK, ASH)
    await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK, ASH])
    assert await world.shows(1) == [("Plan", DIAL)]
    assert await world.shows(2) == [("Plan", DIAL)]


@pytest.mark.parametrize("method", ["BASIC", "NTLM"])
@pytest_twisted.ensureDeferred
async def test_ways_to_sign_in(on_premises: RoomWorld, method: str) -> None:
    """The service account signs in as the deployment says."""
    on_premises.sign_in({"BASIC": "Basic", "NTLM": "NTLM"}[method])
    await on_premises.configure(OAK, authentication_method=method)
    await on_premises.read()
    assert on_premises.daemon.one_touch.lists.stale(1) == on_premises.now()


@pytest_twisted.ensureDeferred
async def test_an_application(on_premises: RoomWorld) -> None:
    """With APP_PERM an application reads the rooms by a token of its own."""
    provider = Provider()
    port = reactor.listenTCP(0, Site(provider), interface="127.0.0.1")
    on_premises.sandbox.tokens.register("access-1", impersonates=(OAK,))
    on_premises.sign_in("Bearer")
    context = "mjx_exchange_deployment/1/oauth_client_secret"
    await on_premises.configure(
        OAK,
        authentication_method="APP_PERM",
        oauth_client_id="rooms",
        oauth_client_secret=on_premises.store.vault.seal("hidden", context),
        oauth_token_endpoint=f"http://127.0.0.1:{port.getHost().port}/oauth2/token",
    )
    await on_premises.read()
    assert on_premises.daemon.one_touch.lists.stale(1) == on_premises.now()
    assert provider.asked[0]["client_secret"] == "hidden"
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_password_that_cannot_be_opened(on_premises: RoomWorld) -> None:
    """One that was sealed with another key is an alarm, and no more."""
    await on_premises.configure(OAK)
    deployment = on_premises.store.get(tables.MJX_EXCHANGE_DEPLOYMENT, 1)
    assert deployment is not None
    other = on_premises.store.vault.seal("otj", "elsewhere")
    with on_premises.store.transaction() as change:
        damaged = msgspec.structs.replace(deployment, service_account_password=other)
        change.put(tables.MJX_EXCHANGE_DEPLOYMENT, damaged)
        durable = change.commit()
    await durable
    reading, store = on_premises.daemon.one_touch.reading, on_premises.store
    await until(lambda: not reading.readers and any(store.all(tables.ALARM)))
    (alarm,) = store.all(tables.ALARM)
    assert alarm.name == names.ONE_TOUCH_EXCHANGE


@pytest_twisted.ensureDeferred
async def test_autodiscover(on_premises: RoomWorld) -> None:
    """Without an EWS URL, the configured Autodiscover tells where the rooms are."""
    with on_premises.store.transaction() as change:
        url = AutodiscoverUrl(
            id=1,
            name="Head office",
            url=f"{on_premises.url}/autodiscover/autodiscover.xml",
            exchange_deployment=1,
        )
        change.put(tables.MJX_AUTODISCOVER_URL, url)
        durable = change.commit()
    await durable
    await on_premises.configure(OAK, ews_url="")
    await on_premises.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    assert await on_premises.shows() == [("Plan", DIAL)]


@pytest_twisted.ensureDeferred
async def test_a_room_outside_of_the_scope(world: RoomWorld) -> None:
    """It is reported by name, and the others are read."""
    await world.configure(OAK, "secret@example.test")
    await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    assert await world.shows() == [("Plan", DIAL)]
    stored = world.store.find(tables.ROOM_CALENDAR_BY_EMAIL, "secret@example.test")
    assert stored is not None
    assert "secret@example.test cannot be read" in stored.problem


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest_twisted.ensureDeferred
async def test_a_restart_keeps_the_lists(tmp_path: Path, kind: DeploymentKind) -> None:
    """The stored list is shown at once after a restart, and the room read again."""
    world = RoomWorld(tmp_path, kind=kind)
    await world.start()
    await world.configure(OAK)
    await world.alice.invite("Plan", AT_TEN, body=ZOOM, resources=[OAK])
    await world.read()
    await world.stop()
    again = RoomWorld(tmp_path, world.sandbox, world.now, kind=kind)
    assert [line.title for line in again.screen()] == ["Plan"]
    await again.start()
    await again.stop()
