"""Rooms are read at their times, and their lists follow."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.errors import (
    ImpersonationRefused,
    MailboxBusy,
    MailboxRefused,
    MailboxUnreachable,
    SignInRefused,
)
from pexschedd.model import tables
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.onetouch.calendars.reading_alarms import LOOK_EVERY
from pexschedd.scheduling.alarms import names
from pexschedd.util.worker_processes import WorkAbandoned
from tests.conftest import Failures
from tests.onetouch.calendars.reading_support import (
    ELM,
    HOUR,
    NOW,
    OAK,
    ZOOM,
    Reading,
    item,
)

INTERVAL = 30.0


@pytest_twisted.ensureDeferred
async def test_a_room_reaches_its_screen(tmp_path: Path) -> None:
    """Within an interval of the start, the meetings of a room are on its screen, with
    what there is to dial."""
    r = Reading(tmp_path)
    r.rooms.put(OAK, item())
    await r.configure(OAK)
    await r.start()
    assert r.titles() == []
    await r.pass_time(INTERVAL)
    assert (r.titles(), r.aliases()) == (["Plan"], ["1234567890@zoomcrc.com"])
    assert r.lists.stale(1) is not None
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_changes_reach_it_within_an_interval(tmp_path: Path) -> None:
    """A moved, a new and a cancelled meeting, each within one interval; what has not
    changed is not read again."""
    r = Reading(tmp_path)
    r.rooms.put(OAK, item("a", subject="A"))
    r.rooms.put(OAK, item("b", subject="B", start=NOW + 4 * HOUR))
    await r.configure(OAK)
    await r.start()
    await r.pass_time(INTERVAL)
    assert r.titles() == ["A", "B"]
    r.rooms.put(OAK, item("a", subject="A", start=NOW + 6 * HOUR))
    await r.pass_time(INTERVAL)
    assert r.titles() == ["B", "A"]
    r.rooms.put(OAK, item("c", subject="C", start=NOW + 8 * HOUR))
    r.rooms.remove(OAK, "b")
    await r.pass_time(INTERVAL)
    assert r.titles() == ["A", "C"]
    fetched = Counter(ref.item_id for ref in r.rooms.fetched)
    assert fetched == {"a": 2, "b": 1, "c": 1}
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_the_calls_of_an_hour(tmp_path: Path) -> None:
    """Each room is listed once in an interval, and a restart adds no more."""
    r = Reading(tmp_path)
    await r.configure(OAK, ELM)
    await r.start()
    await r.pass_time(600, step=5)
    assert set(Counter(r.rooms.listed).values()) == {20}
    assert r.reader.counter.used() == 40
    await r.stop()
    again = Reading(tmp_path, r.rooms, clock=r.clock)
    await again.start()
    assert again.reader.counter.used() == 40
    await again.pass_time(600, step=5)
    assert again.reader.counter.used() == 80
    await again.stop()


@pytest_twisted.ensureDeferred
async def test_a_spent_quota(tmp_path: Path) -> None:
    """Nothing is read when the calls of a day are used up, an alarm says so, and it
    goes on when there is room."""
    r = Reading(tmp_path)
    await r.configure(OAK, find_items_request_quota=10_000)
    await r.start()
    await r.pass_time(INTERVAL)
    for _ in range(10_000 - r.reader.counter.used()):
        r.reader.counter.add()
    listed = len(r.rooms.listed)
    await r.pass_time(LOOK_EVERY + 30, step=10)
    assert len(r.rooms.listed) <= listed + 1  # what was planned before
    assert "is used up" in r.raised()[names.ONE_TOUCH_QUOTA]
    await r.pass_time(86_400 + 1_800, step=300)
    assert len(r.rooms.listed) > listed + 1
    assert names.ONE_TOUCH_QUOTA not in r.raised()
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_failing_room_waits_alone(tmp_path: Path) -> None:
    """It is tried less and less, its screen keeps what it had, an alarm names it and
    what is wrong, and the other room is read as before."""
    r = Reading(tmp_path)
    r.rooms.put(OAK, item())
    await r.configure(OAK, ELM)
    await r.start()
    await r.pass_time(INTERVAL)
    refusal = ImpersonationRefused("oak@example.test: not in the scope.")
    r.rooms.errors[OAK] = [refusal] * 100
    r.rooms.listed.clear()
    await r.pass_time(900, step=5)
    listed = Counter(r.rooms.listed)
    assert listed[ELM] == 30
    assert 4 <= listed[OAK] <= 7
    assert r.titles() == ["Plan"]
    assert "1 of 2 rooms" in r.raised()[names.ONE_TOUCH_ROOMS]
    assert "not in the scope" in r.raised()[names.ONE_TOUCH_ROOMS]
    stored = r.store.find(tables.ROOM_CALENDAR_BY_EMAIL, OAK)
    assert stored is not None
    assert stored.problem == refusal.message
    r.rooms.errors[OAK].clear()
    await r.pass_time(1_000, step=10)
    stored = r.store.find(tables.ROOM_CALENDAR_BY_EMAIL, OAK)
    assert stored is not None
    assert stored.problem == ""
    assert r.raised() == {}
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_busy_server_gets_its_pause(tmp_path: Path) -> None:
    """A room is not asked again before the time that the server wants, and there is
    no alarm for a short one."""
    r = Reading(tmp_path)
    await r.configure(OAK)
    await r.start()
    r.rooms.errors[OAK] = [MailboxBusy("Too much.", retry_after=300.0)]
    await r.pass_time(INTERVAL)
    assert r.rooms.listed == [OAK]
    await r.pass_time(270, step=5)
    assert r.rooms.listed == [OAK]
    await r.pass_time(70, step=5)
    assert len(r.rooms.listed) >= 2
    assert r.raised() == {}
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_refused_account_is_not_locked_out(tmp_path: Path) -> None:
    """After a refused sign-in nobody asks for a while, then one room at a time; an
    alarm says why. When it works again, the rooms keep their places."""
    r = Reading(tmp_path)
    rooms = [f"room{n}@example.test" for n in range(20)]
    for room in rooms:
        r.rooms.errors[room] = [SignInRefused("The password is wrong.")] * 50
    await r.configure(*rooms)
    await r.start()
    await r.pass_time(300)
    assert len(r.rooms.listed) <= 6
    alarm = r.raised()[names.ONE_TOUCH_EXCHANGE]
    assert "No room can be read: The password is wrong." in alarm
    r.rooms.errors.clear()
    await r.pass_time(310, step=1)
    listed = len(r.rooms.listed)
    for _ in range(10):
        await r.pass_time(3)
        assert len(r.rooms.listed) - listed <= 5
        listed = len(r.rooms.listed)
    await r.pass_time(LOOK_EVERY, step=5)
    assert r.raised() == {}
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_server_without_answers(tmp_path: Path) -> None:
    """One room without an answer fails alone; several show that it is the server,
    which is reported once it has lasted."""
    r = Reading(tmp_path)
    rooms = [f"room{n}@example.test" for n in range(10)]
    await r.configure(*rooms)
    r.rooms.errors[rooms[0]] = [MailboxUnreachable("Too large.")] * 50
    await r.start()
    await r.pass_time(60)
    assert r.reader.problem == ""
    for room in rooms:
        r.rooms.errors[room] = [MailboxUnreachable("Nothing answers.")] * 50
    r.rooms.listed.clear()
    await r.pass_time(300, step=2)
    assert len(r.rooms.listed) <= 12
    assert "Nothing answers." in r.raised()[names.ONE_TOUCH_EXCHANGE]
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_room_that_hangs_delays_nobody(tmp_path: Path) -> None:
    """Other rooms are read meanwhile; stopping breaks it off."""
    r = Reading(tmp_path)
    r.rooms.hanging[OAK] = Deferred()
    await r.configure(OAK, ELM)
    await r.start()
    await r.pass_time(300, step=5)
    assert Counter(r.rooms.listed) == {OAK: 1, ELM: 10}
    await r.stop()
    assert r.rooms.is_closed


@pytest_twisted.ensureDeferred
async def test_the_configuration_is_followed(tmp_path: Path) -> None:
    """Without a restart: a new room, a removed one, whose list goes, other rules, and
    a deployment that is renamed or gets another account."""
    r = Reading(tmp_path)
    for room in (OAK, ELM):
        r.rooms.put(room, item(subject=room))
    await r.configure(OAK)
    await r.start()
    await r.pass_time(INTERVAL)
    await r.put_endpoint(2, ELM)
    await r.pass_time(INTERVAL + 2)
    assert (r.titles(1), r.titles(2)) == ([OAK], [ELM])
    await r.delete(tables.MJX_PROCESSING_RULE, 1)
    await r.pass_time(2)
    assert r.aliases(1) == [""]
    await r.delete(tables.MJX_ENDPOINT, 2)
    assert r.store.find(tables.ROOM_CALENDAR_BY_EMAIL, ELM) is None
    await r.change(tables.MJX_EXCHANGE_DEPLOYMENT, 1, name="Branch")
    assert len(r.opened) == 1
    assert set(r.service.readers) == {"Branch"}
    await r.change(
        tables.MJX_EXCHANGE_DEPLOYMENT, 1, service_account_username="new@example.test"
    )
    opened = [d for d in r.opened if isinstance(d, ExchangeDeployment)]
    assert [d.service_account_username for d in opened] == [
        "otj@example.test",
        "new@example.test",
    ]
    r.rooms.listed.clear()
    await r.delete(tables.MJX_ENDPOINT, 1)
    await r.pass_time(100, step=5)
    assert (r.rooms.listed, r.service.readers) == ([], {})
    assert r.rooms.is_closed
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    """An alarm says so until they are mended or the deployment has no room; another
    change has them tried again."""
    r = Reading(tmp_path)
    r.refusal = MailboxRefused("The EWS URL has to begin with https.")
    await r.configure(OAK)
    await r.start()
    assert "https" in r.raised()[names.ONE_TOUCH_EXCHANGE]
    await r.delete(tables.MJX_ENDPOINT, 1)
    assert r.raised() == {}
    await r.put_endpoint(1, OAK)
    await r.pass_time(2)
    assert names.ONE_TOUCH_EXCHANGE in r.raised()
    r.refusal = None
    await r.change(tables.MJX_EXCHANGE_DEPLOYMENT, 1, ews_url="https://mail.test/")
    await r.pass_time(LOOK_EVERY + INTERVAL)
    assert r.raised() == {}
    assert r.rooms.listed
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_room_that_is_removed_while_it_is_read(tmp_path: Path) -> None:
    """Its answer, which comes later, is not stored."""
    r = Reading(tmp_path)
    r.rooms.put(OAK, item())
    await r.configure(OAK, ELM)
    answer: Deferred[None] = Deferred()
    r.rooms.hanging[OAK] = answer
    await r.start()
    await r.pass_time(INTERVAL)
    await r.delete(tables.MJX_ENDPOINT, 1)
    r.rooms.hanging.clear()
    answer.callback(None)
    await r.settle()
    assert r.store.find(tables.ROOM_CALENDAR_BY_EMAIL, OAK) is None
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_copy_without_its_body(tmp_path: Path) -> None:
    """The first copy had the link, the later one, moved, has lost its body: the button
    stays, over a restart as well. A text without a link takes it away."""
    r = Reading(tmp_path)
    r.rooms.put(OAK, item())
    await r.configure(OAK)
    await r.start()
    await r.pass_time(INTERVAL)
    empty = "<html><head><style>p{}</style></head><body><p>&nbsp;</p></body></html>"
    for html in (empty, ""):
        r.rooms.put(OAK, item(html=html, start=NOW + 5 * HOUR, location="Oak"))
        await r.pass_time(INTERVAL)
        assert r.aliases() == ["1234567890@zoomcrc.com"]
    await r.kill()
    again = Reading(tmp_path, r.rooms, clock=r.clock)
    assert again.aliases() == ["1234567890@zoomcrc.com"]
    await again.start()
    again.rooms.put(OAK, item(html="<p>We meet in person.</p>"))
    await again.pass_time(INTERVAL)
    assert again.aliases() == [""]
    await again.stop()


@pytest_twisted.ensureDeferred
async def test_killed_while_reading(tmp_path: Path) -> None:
    """Whatever was read and not stored is read again: after one interval of the next
    life the list is right, and a cancelled meeting is gone."""
    r = Reading(tmp_path)
    r.rooms.put(OAK, item("a", subject="A"))
    r.rooms.put(OAK, item("b", subject="B"))
    await r.configure(OAK)
    await r.start()
    await r.pass_time(INTERVAL)
    r.rooms.remove(OAK, "a")
    r.rooms.hanging[OAK] = Deferred()
    await r.pass_time(INTERVAL)
    await r.kill()
    r.rooms.hanging.clear()
    again = Reading(tmp_path, r.rooms, clock=r.clock)
    assert again.titles() == ["A", "B"]
    await again.start()
    await again.pass_time(INTERVAL)
    assert again.titles() == ["B"]
    await again.stop()


@pytest_twisted.ensureDeferred
async def test_an_invitation_that_takes_too_long(tmp_path: Path) -> None:
    """It is shown without Join, it is not tried each time, and it holds up nobody."""

    async def heavy(work: Any, cost: int) -> Any:
        if cost > 24_000:
            raise WorkAbandoned("It took more than 30 seconds.")
        return work()

    r = Reading(tmp_path, heavy_work=heavy)
    r.rooms.put(OAK, item("a", subject="A", html="x" * 30_000))
    r.rooms.put(OAK, item("b", subject="B"))
    await r.configure(OAK)
    await r.start()
    await r.pass_time(4 * INTERVAL)
    assert r.aliases() == ["", "1234567890@zoomcrc.com"]
    assert len(r.rooms.fetched) == 2
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_an_invitation_that_cannot_be_searched(
    tmp_path: Path, logged_failures: Failures
) -> None:
    """A mistake of ours with one invitation costs its Join, is logged, and holds up
    none of the others in its room."""

    async def failing(work: Any, cost: int) -> Any:
        if cost > 24_000:
            raise RecursionError
        return work()

    r = Reading(tmp_path, heavy_work=failing)
    r.rooms.put(OAK, item("a", subject="A", html="x" * 30_000))
    r.rooms.put(OAK, item("b", subject="B"))
    await r.configure(OAK)
    await r.start()
    await r.pass_time(2 * INTERVAL)
    assert r.aliases() == ["", "1234567890@zoomcrc.com"]
    assert len(logged_failures) == 1
    logged_failures.clear()
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_rooms_that_lose_texts_are_reported(tmp_path: Path) -> None:
    """An alarm has the commands that mend them, and goes when texts arrive again."""
    r = Reading(tmp_path)
    for n in range(3):
        lost = item(f"u{n}", subject="Jane", html="", start=NOW + (2 + n) * HOUR)
        r.rooms.put(OAK, lost)
    await r.configure(OAK)
    await r.start()
    await r.pass_time(LOOK_EVERY + INTERVAL)
    assert (
        "Set-CalendarProcessing -Identity 'oak@example.test' -DeleteComments $false "
        "-DeleteSubject $false" in r.raised()[names.ONE_TOUCH_PROCESSING]
    )
    r.rooms.put(OAK, item("u0", html=ZOOM))
    await r.pass_time(LOOK_EVERY + INTERVAL)
    assert r.raised() == {}
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_service_that_changed_its_wording(tmp_path: Path) -> None:
    """If links of a service that a rule looks for mostly give nothing to dial, an alarm
    names the service; services without a rule are none of its business."""
    r = Reading(tmp_path)
    texts = ["https://company.webex.com/company/j.php?MTID=m0123"] * 3
    texts += ["https://teams.microsoft.com/l/meetup-join/19%3ameeting_x/0"] * 3
    for n, text in enumerate(texts):
        r.rooms.put(OAK, item(f"u{n}", html=f"<p>{text}</p>", start=NOW + n * HOUR))
    await r.configure(OAK)
    await r.start()
    await r.pass_time(LOOK_EVERY + INTERVAL)
    alarm = r.raised()[names.ONE_TOUCH_SERVICE]
    assert "Webex: 3 meetings, for example in oak@example.test." in alarm
    assert "Teams" not in alarm
    for n in range(3):
        r.rooms.put(OAK, item(f"z{n}", start=NOW + (n + 8) * HOUR))
        text = "<p>123456789@company.webex.com</p>"
        r.rooms.put(OAK, item(f"u{n}", html=text, start=NOW + n * HOUR))
    await r.pass_time(LOOK_EVERY + INTERVAL)
    assert r.raised() == {}
    await r.stop()
