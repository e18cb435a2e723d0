"""Meetings sent while no alias could be had: with a token in place of a room."""

from typing import Any

import exchangelib as ex
import pytest
import pytest_twisted

from pexschedd.identity.mailed_tokens import MailedTokens
from pexschedd.model import tables
from pexschedd.sandbox import Send, SeriesRecurrence
from tests.stories.series_support import daily
from tests.stories.story_support import (
    ALICE,
    AT_TEN,
    BOB,
    DAY,
    EDITED_SINGLE,
    EQUIPMENT,
    GENERAL_ERROR,
    HOUR,
    INVALID_ALIAS,
    MINUTE,
    NEW_SERIES,
    NEW_SINGLE,
    Booked,
    World,
    attendees,
    opens,
    window,
)

story = pytest_twisted.ensureDeferred


def offline(world: World, token: str | None = None) -> str:
    """What the add-in writes while it cannot reach the daemon."""
    (connector,) = world.store.all(tables.CONNECTOR)
    placeholder = connector.placeholder_instructions_template
    return f"<p>Agenda</p>{placeholder}<p>TOK:-{token or world.token()}#</p><p>End</p>"


def given(world: World) -> Booked:
    """The one alias that was handed out."""
    (alias,) = world.store.all(tables.SCHEDULED_ALIAS)
    return Booked(
        f"PXPS:-{alias.uuid}#", "", alias.alias, alias.numeric_alias, alias.id
    )


def body_of(world: World, address: str = ALICE) -> str:
    """The text of the meeting in somebody's calendar."""
    (item,) = world.exchange.mailbox(address).calendar()
    return " ".join(item.body.text.split())


@story
async def test_valid(world: World) -> None:
    """The organizer's meeting gets its instructions, everybody is told, and it is
    accepted as a new one. The token, which everybody could read, is remembered."""
    alice = world.organizer()
    token = world.token()
    await alice.invite(
        "Plans", AT_TEN, body=offline(world, token), required_attendees=attendees(BOB)
    )
    await world.settle()
    assert MailedTokens(world.store, world.now).has(token)

    (letter,) = await alice.reads()
    room = given(world)
    assert letter == NEW_SINGLE
    assert f"the aliases: {room.alias} and {room.numeric}." in letter.text
    for text in (body_of(world), body_of(world, BOB)):
        assert text.startswith("Agenda Please join my Pexip Virtual Meeting Room")
        assert room.tag in text
        assert text.endswith("End")
        assert "TOK:-" not in text
    assert len(world.inbox(BOB)) == 2
    assert {message.sender.address for message in world.inbox(BOB)} == {ALICE}
    assert world.inbox() == []
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room) == opens(AT_TEN)
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_series(world: World) -> None:
    """A whole series is rewritten once, and accepted as a series."""
    alice = world.organizer()
    await alice.invite(
        "Weekly", AT_TEN, body=offline(world), recurrence=daily(AT_TEN, number=5)
    )
    await world.settle()

    assert await alice.reads() == [NEW_SERIES]
    room = given(world)
    assert room.tag in body_of(world)
    assert "TOK:-" not in body_of(world)
    assert world.inbox() == []
    for number in range(5):
        assert await world.door(room, at=AT_TEN + number * DAY) == "open"


@story
async def test_one_occurrence(world: World) -> None:
    """Of a series without a room, one date gets one: only that date is rewritten."""
    exchange = world.exchange
    series = exchange.schedule(
        exchange.mailbox(ALICE),
        subject="Weekly",
        start=AT_TEN,
        end=AT_TEN + HOUR,
        body="<p>Plain</p>",
        recurrence=SeriesRecurrence.daily(count=5),
    )
    world.now.advance(MINUTE)
    third = AT_TEN + 2 * DAY
    exchange.update(
        series, occurrence=third, body=offline(world), resources=[EQUIPMENT]
    )
    await world.settle()

    assert await world.organizer().reads() == [NEW_SINGLE]
    room = given(world)
    changed = exchange.occurrence(series, third)
    assert room.tag in changed.body.text
    assert "TOK:-" not in changed.body.text
    assert "Plain" in series.body.text
    assert world.inbox() == []
    assert await world.door(room, at=third) == "open"
    assert await world.door(room, at=AT_TEN + DAY) == opens(third)


@story
async def test_then_moved(world: World) -> None:
    """A meeting that was rewritten is like any other from then on."""
    alice = world.organizer()
    item = await alice.invite("Plans", AT_TEN, body=offline(world))
    await world.settle()

    await alice.move(item, AT_TEN + DAY)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.schedule() == [window(AT_TEN + DAY)]
    assert await world.door(given(world), at=AT_TEN + DAY) == "open"


@story
async def test_plain_text(world: World) -> None:
    """An invitation in plain text stays one; over Graph, which gives every body as
    HTML, it becomes HTML."""
    alice = world.organizer()
    body = ex.Body(f"Agenda\nTOK:-{world.token()}#\nEnd")
    await alice.invite("Plans", AT_TEN, body=body)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    (item,) = world.exchange.mailbox(ALICE).calendar()
    assert item.body.plain is not world.graph
    assert given(world).tag in body_of(world)
    assert "TOK:-" not in body_of(world)


@story
async def test_expired(world: World) -> None:
    """A token that was valid when the meeting was written, but is no more."""
    alice = world.organizer()
    body = offline(world, world.token(lifetime=600))
    world.now.advance(HOUR)
    await alice.invite("Plans", AT_TEN, body=body)
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    assert await world.rooms() == []
    assert list(world.store.all(tables.SCHEDULED_ALIAS)) == []
    assert "TOK:-" in body_of(world)


@story
async def test_other_kind_of_token(world: World) -> None:
    """In an integration that takes Microsoft 365's tokens no token in an invitation is
    worth anything, Exchange's from before included; the organizer hears at once."""
    tenant = "https://login.microsoftonline.com/contoso.example"
    await world.change_integration(
        addin_authentication_method="SSO_TOKEN",
        addin_application_id="bbbbbbbb-0000-4000-8000-000000000002",
        addin_oidc_metadata_url=f"{tenant}/v2.0/.well-known/openid-configuration",
    )
    alice = world.organizer()
    await alice.invite("Plans", AT_TEN, body=offline(world))
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    assert await world.rooms() == []
    assert list(world.store.all(tables.SCHEDULED_ALIAS)) == []


@story
async def test_forged(world: World) -> None:
    """A token with another signature is worth nothing."""
    alice = world.organizer()
    head, payload, signature = world.token().split(".")
    await alice.invite(
        "Plans", AT_TEN, body=offline(world, f"{head}.{payload}.{signature[::-1]}")
    )
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    assert list(world.store.all(tables.SCHEDULED_ALIAS)) == []


@story
async def test_impersonation_denied(world: World) -> None:
    """What the service account may not change is declined, with an alarm that says
    which permission is missing."""
    alice = world.organizer()
    await alice.invite("Plans", AT_TEN, body=offline(world))
    denied = {"kind": "ErrorImpersonateUserDenied", "mailbox": ALICE, "times": None}
    world.sandbox.behaviour.configure({"faults": [denied]})
    await world.settle()
    world.sandbox.behaviour.configure({})

    assert await alice.reads() == [GENERAL_ERROR]
    assert await world.rooms() == []
    assert "TOK:-" in body_of(world)
    (alarm,) = await world.alarms()
    assert ALICE in alarm
    assert "impersonat" in alarm.lower()


@story
async def test_organizer_outside(world: World) -> None:
    """A token in a meeting of somebody who has no mailbox here is of no use."""

    def from_outside(message: Any) -> None:
        meeting, eve = message.meeting, world.exchange.person("eve@outside.test")
        message.meeting = type(meeting)(
            **{n: getattr(meeting, n) for n in meeting.__struct_fields__}
            | {"organizer": eve}
        )
        message.author = message.sender = eve

    alice = world.organizer()
    with world.exchange.on_the_way(from_outside):
        await alice.invite("Plans", AT_TEN, body=offline(world))
    await world.settle()

    assert await alice.reads() == []
    assert await world.rooms() == []
    assert world.inbox() == []
    assert list(world.store.all(tables.REWRITE)) == []


async def minutes_later(world: World, minutes: int) -> None:
    world.now.advance(minutes * MINUTE)
    world.skip(minutes * 60)
    await world.settle()


@story
async def test_item_gone(world: World) -> None:
    """An organizer who has deleted the meeting without a word is told it failed, once
    it is certain that it does not come any more."""
    alice = world.organizer()
    await alice.invite("Plans", AT_TEN, body=offline(world))
    (item,) = world.exchange.mailbox(ALICE).calendar()
    world.exchange.take_away(item)
    await world.settle()
    assert await alice.reads() == []
    await minutes_later(world, 6)

    assert await alice.reads() == [GENERAL_ERROR]
    assert await world.rooms() == []
    assert world.inbox() == []
    assert await world.alarms() == []


@story
async def test_item_late(world: World) -> None:
    """An invitation that is faster than its organizer's own item waits for it."""
    world.sandbox.behaviour.configure({"late_meetings_s": 120})
    alice = world.organizer()
    await alice.invite("Plans", AT_TEN, body=offline(world))
    await world.settle()
    assert await alice.reads() == []
    await minutes_later(world, 1)
    assert await alice.reads() == []
    await minutes_later(world, 2)

    assert await alice.reads() == [NEW_SINGLE]
    assert given(world).tag in body_of(world)
    assert await world.door(given(world), at=AT_TEN) == "open"
    assert await world.alarms() == []


@story
async def test_item_late_and_cancelled(world: World) -> None:
    """Called off while it is waited for: nobody is told anything."""
    world.sandbox.behaviour.configure({"late_meetings_s": 120})
    alice = world.organizer()
    item = await alice.invite("Plans", AT_TEN, body=offline(world))
    await world.settle()
    await alice.cancel(item)
    await world.settle()
    await minutes_later(world, 1)

    assert await alice.reads() == []
    assert world.inbox() == []
    assert await world.rooms() == []


@pytest.mark.parametrize("empty_world", ["ews"], indirect=True)
@story
async def test_search_refused(world: World) -> None:
    """Where Exchange does not search by UID, the organizer's meeting is found by its
    time, and no permission is blamed. Over EWS alone: Graph's filter by iCalUId is the
    same at every server."""
    refused = {"what": "binary-restriction", "item": True}
    world.sandbox.behaviour.configure({"refused": [refused]})
    alice = world.organizer()
    await alice.invite("Plans", AT_TEN, body=offline(world))
    await alice.invite(
        "Weekly", AT_TEN + DAY, body=offline(world), recurrence=daily(AT_TEN + DAY)
    )
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, NEW_SERIES]
    assert await world.alarms() == []
    for item in world.exchange.mailbox(ALICE).calendar():
        assert "PXPS:-" in item.body.text
        assert "TOK:-" not in item.body.text


@story
async def test_cancelled_at_once(world: World) -> None:
    """A meeting that was called off before it could be rewritten gets no room."""
    alice = world.organizer()
    item = await alice.invite("Plans", AT_TEN, body=offline(world))
    await alice.cancel(item)
    await world.settle()

    assert await alice.reads() == []
    assert await world.rooms() == []
    assert world.inbox() == []
    assert list(world.store.all(tables.REWRITE)) == []


@story
async def test_organizer_edits_at_the_same_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The organizer's own change is never overwritten, and gets its instructions."""
    alice = world.organizer()
    await alice.invite("Plans", AT_TEN, body=offline(world))
    (item,) = world.exchange.mailbox(ALICE).calendar()
    edits = ["Better plans"]

    def edit(operation: str) -> None:
        if operation in ("UpdateItem", "GraphUpdateEvent") and edits:
            world.exchange.update(
                item, subject=edits.pop(), start=AT_TEN + DAY, end=AT_TEN + DAY + HOUR
            )

    take = world.sandbox.behaviour.take

    def busy(operation: str, *rest: Any) -> Any:
        edit(operation)
        return take(operation, *rest)

    monkeypatch.setattr(world.sandbox.behaviour, "take", busy)
    await world.settle()

    assert edits == []
    room = given(world)
    assert await alice.reads() == [NEW_SINGLE]
    assert room.tag in body_of(world)
    assert await world.rooms() == ["Better plans (Alice Archer)"]
    assert await world.schedule() == [window(AT_TEN + DAY)]
    assert await world.door(room, at=AT_TEN + DAY) == "open"


@story
async def test_token_taken_out(world: World) -> None:
    """An organizer who has written over the token meanwhile wants no room."""
    alice = world.organizer()
    await alice.invite("Plans", AT_TEN, body=offline(world))
    (item,) = world.exchange.mailbox(ALICE).calendar()
    world.exchange.update(item, body="<p>Agenda</p>", send=Send.NONE)
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    assert await world.rooms() == []
    assert body_of(world) == "Agenda"


@story
async def test_moved_before_it_was_rewritten(world: World) -> None:
    """Of a request and its update, both with the token, one meeting comes of it."""
    alice = world.organizer()
    item = await alice.invite("Plans", AT_TEN, body=offline(world))
    await alice.move(item, AT_TEN + DAY)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert world.inbox() == []
    assert await world.schedule() == [window(AT_TEN + DAY)]
    assert await world.door(given(world), at=AT_TEN + DAY) == "open"


@story
async def test_pasted_into_another_meeting(world: World) -> None:
    """A token says who asks, not for which meeting: each gets a room of its own."""
    alice = world.organizer()
    body = offline(world)
    await alice.invite("Plans", AT_TEN, body=body)
    await alice.invite("Other plans", AT_TEN + DAY, body=body)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, NEW_SINGLE]
    aliases = {alias.alias for alias in world.store.all(tables.SCHEDULED_ALIAS)}
    assert len(aliases) == 2
    assert await world.schedule() == [window(AT_TEN), window(AT_TEN + DAY)]
