"""Meetings that were sent while we were offline get their joining instructions once."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import MailboxBusy, MailboxError, MailboxUnreachable
from pexschedd.model import tables
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.scheduling.inbox.offline_rewrite import LOOK_AGAIN
from pexschedd.scheduling.inbox.quarantine import LONGEST
from pexschedd.scheduling.ports.mailbox import Action, RewriteKind
from pexschedd.util.worker_processes import WorkAbandoned
from tests.conftest import Failures
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import (
    CONNECTOR,
    Crash,
    MemoryOrganizers,
    Process,
    Unsteady,
    one_life,
    request,
    tag,
    turn,
)

GOOD = ".".join(
    ["eyJhbGciOiJSUzI1NiJ9" * 4, "c2lnbmVkX2J5X2V4Y2hhbmdl" * 8, "AbCd" * 60]
)
EXPIRED = GOOD.replace("AbCdAbCd", "expired1", 1)
PLACEHOLDER = (
    "This meeting will be hosted in a Virtual Meeting Room. Joining instructions will "
    "be<br>sent to you soon in a separate email.<br>"
)


def body(token: str) -> str:
    lines = "<br>\r\n".join(token[i : i + 70] for i in range(0, len(token), 70))
    return (
        f"<html><body><div>{PLACEHOLDER}</div><div>TOK:-{lines}#</div>"
        "<p>Agenda: all the rest</p></body></html>"
    )


def offline(token: str = GOOD) -> MeetingMessage:
    return request(1, text="", html=body(token))


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inbox = MemoryInbox()
        self.organizers = MemoryOrganizers(self.inbox)
        self.process = Process(
            folder / "state", MemoryMailbox(self.inbox), self.organizers
        )

    def send(self, message: MeetingMessage) -> None:
        self.organizers.hold(message, message.html)
        self.inbox.deliver(message)

    async def live(self) -> None:
        await self.process.settle()
        await self.process.end()

    def told(self) -> dict[str, tuple[Action, str]]:
        return {item: (action, text) for item, action, text in self.inbox.told}

    def alarms(self) -> list[str]:
        store = self.process.store
        return [a.details for a in store.all(tables.ALARM) if a.time_lowered is None]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest_twisted.ensureDeferred
async def test_rewritten_sent_and_accepted(world: World) -> None:
    """Placeholder and token give way to the instructions; the update is accepted."""
    await world.process.book()
    world.send(offline())
    await world.live()
    (sent,) = world.organizers.sent
    assert "TOK:-" not in sent
    assert "This meeting will be hosted" not in sent
    assert "PXPS:-" in sent
    assert "Agenda: all the rest" in sent
    told = world.told()
    assert told["item-1"] == (Action.DISCARD, "")
    assert told["update-1"][0] is Action.ACCEPT
    assert "successfully scheduled" in told["update-1"][1]
    assert world.process.store.count(tables.CONFERENCE) == 1
    assert world.process.store.count(tables.REWRITE) == 0


async def too_long(work: object, cost: int) -> Any:
    assert cost > 8 * len(body(GOOD))
    raise WorkAbandoned("It took over 30 seconds.")


@pytest_twisted.ensureDeferred
async def test_a_body_that_takes_too_long_is_declined_at_once(tmp_path: Path) -> None:
    """The organizer hears that it did not work; nothing is tried again, nor sent."""
    inbox = MemoryInbox()
    organizers = MemoryOrganizers(inbox)
    process = Process(
        tmp_path / "state", MemoryMailbox(inbox), organizers, heavy_work=too_long
    )
    await process.book()
    organizers.hold(offline(), offline().html)
    inbox.deliver(offline())
    await process.settle()
    await process.end()
    ((_, action, text),) = inbox.told
    assert action is Action.DECLINE
    assert "CorrelationID" in text
    assert organizers.sent == []
    assert process.store.count(tables.REWRITE) == 0


@pytest_twisted.ensureDeferred
async def test_an_expired_token_is_declined(world: World) -> None:
    """As an invalid tag is; no alias is given and nobody's meeting is touched."""
    await world.process.book()
    world.send(offline(EXPIRED))
    await world.live()
    action, text = world.told()["item-1"]
    assert action is Action.DECLINE
    assert "does not contain currently valid scheduling data" in text
    assert world.organizers.sent == []
    assert world.process.store.count(tables.SCHEDULED_ALIAS) == 0


@pytest_twisted.ensureDeferred
async def test_missing_permission_is_an_alarm_and_does_not_loop(world: World) -> None:
    """The organizer gets the general error, the administrator what is missing."""
    await world.process.book()
    world.organizers.refused = "svc may not act for alice: ApplicationImpersonation."
    world.send(offline())
    await world.live()
    action, text = world.told()["item-1"]
    assert action is Action.DECLINE
    assert "CorrelationID" in text
    assert any("ApplicationImpersonation" in alarm for alarm in world.alarms())
    assert world.process.store.count(tables.REWRITE) == 0


async def wait_for(world: World, minutes: int) -> None:
    """As if the pending rewrites had been there for so long."""
    store = world.process.store
    change = store.transaction()
    for pending in store.all(tables.REWRITE):
        created = pending.created - timedelta(minutes=minutes)
        change.put(tables.REWRITE, msgspec.structs.replace(pending, created=created))
    await change.commit()
    world.process.clock.advance(60 * minutes)
    await turn(store)


@pytest_twisted.ensureDeferred
async def test_an_organizer_without_the_meeting(world: World) -> None:
    """It is waited for; after minutes the general error is told, without a record that
    an administrator would have to look after."""
    await world.process.book()
    world.inbox.deliver(offline())
    await world.process.settle()
    assert world.told() == {}
    await wait_for(world, 6)
    assert "CorrelationID" in world.told()["item-1"][1]
    assert world.process.store.count(tables.TROUBLED) == 0
    await world.process.end()


@pytest_twisted.ensureDeferred
async def test_a_meeting_that_is_there_later(world: World) -> None:
    """Its invitation was faster: it is rewritten as soon as it is found, and it is
    looked for less often than the inbox."""
    await world.process.book()
    message = offline()
    world.inbox.deliver(message)
    find, looks = world.organizers.find, []

    async def counted(*asked: Any, **more: Any) -> Any:
        looks.append(more["start"])
        return await find(*asked, **more)

    world.organizers.find = cast(Any, counted)  # type: ignore[method-assign]
    await world.process.settle(8)
    assert set(looks) == {message.start}
    assert len(looks) <= 1 + 8 * CONNECTOR.poll_interval * 3 / LOOK_AGAIN
    world.organizers.hold(message, message.html)
    await wait_for(world, 2)
    await wait_for(world, 1)
    assert world.told()["item-1"] == (Action.DISCARD, "")
    assert world.told()["update-1"][0] is Action.ACCEPT
    await world.process.end()


@pytest_twisted.ensureDeferred
async def test_the_organizers_own_change_is_not_overwritten(world: World) -> None:
    """Changed between reading and writing: read again, with the change in it."""
    await world.process.book()
    world.send(offline())
    edits = iter(["Agenda: changed meanwhile"])

    def edit() -> None:
        for text in edits:
            changed = request(1, html=body(GOOD).replace("Agenda: all the rest", text))
            world.organizers.hold(changed, changed.html)
            key = (changed.organizer.email, changed.uid)
            own = world.organizers.meetings[key]
            world.organizers.meetings[key] = type(own)(
                ref=MessageRef("own-1", "key-2"),
                uid=own.uid,
                start=own.start,
                end=own.end,
                html=own.html,
            )
            return

    world.organizers.before_rewrite = edit
    await world.live()
    (sent,) = world.organizers.sent
    assert "Agenda: changed meanwhile" in sent


@pytest_twisted.ensureDeferred
async def test_done_already_is_not_done_twice(world: World) -> None:
    """A meeting that has a tag by now is left alone; the old request just goes."""
    await world.process.book(tag(1))
    message = offline()
    world.inbox.deliver(message)
    world.organizers.hold(message, f"<p>PXPS:-{tag(1)}#</p>")
    await world.live()
    assert world.organizers.sent == []
    assert world.told()["item-1"] == (Action.DISCARD, "")


@pytest_twisted.ensureDeferred
async def test_plain_text_stays_plain_text(world: World) -> None:
    """A body that was written as text gets the instructions as text."""
    await world.process.book()
    message = request(1, html="", text=f"Please join.\n\nTOK:-{GOOD}#\n\nAgenda")
    world.organizers.hold(message, "")
    key = (message.organizer.email, message.uid)
    own = world.organizers.meetings[key]
    world.organizers.meetings[key] = msgspec.structs.replace(own, text=message.text)
    world.inbox.deliver(message)
    await world.live()
    (sent,) = world.organizers.sent
    assert "<" not in sent
    assert "PXPS:-" in sent
    assert sent.endswith("Agenda")


@pytest_twisted.ensureDeferred
async def test_token_removed_by_its_organizer(world: World) -> None:
    """Without token and tag there is nothing to go by: declined as invalid."""
    await world.process.book()
    message = offline()
    world.inbox.deliver(message)
    world.organizers.hold(message, "<p>no meeting room, please</p>")
    await world.live()
    assert "does not contain currently valid" in world.told()["item-1"][1]


@pytest.mark.parametrize("nth", range(1, 7))
@pytest_twisted.ensureDeferred
async def test_killed_anywhere_it_is_sent_once(tmp_path: Path, nth: int) -> None:
    """After a kill before any call the meeting is rewritten once, not twice."""
    world = World(tmp_path)
    calls = 0

    def disturb(call: str, when: str) -> None:
        nonlocal calls
        calls += when == "before"
        if calls == nth and when == "before":
            raise Crash

    await world.process.end()
    first = Process(
        tmp_path / "first", Unsteady(world.inbox, disturb), world.organizers
    )
    await first.book()
    world.send(offline())
    with pytest.raises(Crash):
        await one_life(first)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    await first.store.close()
    world.process = Process(
        tmp_path / "second", MemoryMailbox(world.inbox), world.organizers
    )
    await world.live()
    assert len(world.organizers.sent) == 1
    assert world.told()["update-1"][0] is Action.ACCEPT
    assert not world.inbox.messages


@pytest_twisted.ensureDeferred
async def test_a_busy_organizer_keeps_nobody_waiting(world: World) -> None:
    """Their server's pause is not the equipment mailbox's; after it, all goes on."""
    trouble: list[MailboxError] = [MailboxBusy("Not now.", retry_after=60)]
    find = world.organizers.find

    async def busy(*asked: Any, **more: Any) -> Any:
        if trouble:
            raise trouble[0]
        return await find(*asked, **more)

    world.organizers.find = cast(Any, busy)  # type: ignore[method-assign]
    await world.process.book(tag(2))
    world.send(offline())
    world.inbox.deliver(request(2))
    await world.process.settle(3)
    assert set(world.told()) == {"item-2"}
    trouble[0] = MailboxUnreachable("Nothing answers.")
    world.process.clock.advance(60)
    await turn(world.process.store)
    assert world.alarms() == []
    trouble.clear()
    for _ in range(4):
        world.process.clock.advance(60)
        await turn(world.process.store)
    assert world.told()["update-1"][0] is Action.ACCEPT
    await world.process.end()


@pytest_twisted.ensureDeferred
async def test_an_internal_error_is_one_rewrites_alone(
    world: World, logged_failures: Failures
) -> None:
    """Three tries, then the general error and a record; the others are not touched."""

    async def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError("nobody foresaw this")

    world.organizers.find = cast(Any, explode)  # type: ignore[method-assign]
    await world.process.book(tag(2))
    world.send(offline())
    world.inbox.deliver(request(2))
    await world.process.settle(1)
    assert set(world.told()) == {"item-2"}
    for _ in range(8):
        world.process.clock.advance(60)
        await turn(world.process.store)
    action, text = world.told()["item-1"]
    assert action is Action.DECLINE
    (record,) = world.process.store.all(tables.TROUBLED)
    assert record.correlation_id in text
    assert record.reason == "internal error (RuntimeError)"
    assert len(logged_failures) == 3
    logged_failures.clear()
    await world.process.end()


@pytest_twisted.ensureDeferred
async def test_not_for_ever(world: World) -> None:
    """A mailbox that says "later" for a week: fewer and fewer tries, then the general
    error and a record; what cannot be rewritten holds up nobody."""
    tries: list[float] = []

    async def later(*_: Any) -> Any:
        tries.append(world.process.clock.seconds())
        return RewriteKind.RETRY, "ErrorQuotaExceeded"

    world.organizers.rewrite = cast(Any, later)  # type: ignore[method-assign]
    await world.process.book(tag(2))
    world.send(offline())
    world.inbox.deliver(request(2))
    await world.process.settle(1)
    assert set(world.told()) == {"item-2"}
    for _ in range(40):
        world.process.clock.advance(600)
        await turn(world.process.store)
    assert set(world.told()) == {"item-2"}
    assert len(tries) <= 45
    (record,) = world.process.store.all(tables.TROUBLED)
    assert (record.set_aside_time, record.reason) == (None, "ErrorQuotaExceeded")
    change = world.process.store.transaction()
    since = record.first_time - LONGEST
    change.put(tables.TROUBLED, msgspec.structs.replace(record, first_time=since))
    await change.commit()
    for _ in range(2):
        world.process.clock.advance(600)
        await turn(world.process.store)
    action, text = world.told()["item-1"]
    assert action is Action.DECLINE
    assert record.correlation_id in text
    assert any(record.correlation_id in alarm for alarm in world.alarms())
    await world.process.end()
