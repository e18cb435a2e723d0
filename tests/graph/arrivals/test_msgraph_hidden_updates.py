"""Hidden updates: found where Exchange Online puts them, whenever it does."""

from typing import Any

import pytest_twisted

from pexschedd.graph.arrivals import ArrivalReader
from tests.graph.msgraph_mailbox_support import GraphStage, arrived
from tests.sandbox.graph.graph_support import EQUIPMENT, HOUR, MEETING


@pytest_twisted.ensureDeferred
async def test_hidden_updates_are_found(stage: GraphStage) -> None:
    """A change of the body of a meeting that was answered is seen where Exchange hides
    it; one of the time comes to the inbox."""
    meeting = stage.invite("Weekly")
    _, cursor = await arrived(stage, "")
    stage.accept()
    stage.change(meeting, body="<p>Another</p>")
    found, cursor = await arrived(stage, cursor)
    assert found == ["Weekly (hidden)"]
    stage.change(meeting, start=MEETING + HOUR, end=MEETING + 2 * HOUR)
    found, cursor = await arrived(stage, cursor)
    assert found == ["Weekly"]
    assert (await arrived(stage, cursor))[0] == []


@pytest_twisted.ensureDeferred
async def test_updates_that_the_organisation_shows(stage: GraphStage) -> None:
    """With the organisation's setting the same change comes to the inbox, once."""
    stage.sandbox.organisation(visible_updates="Location,Body")
    meeting = stage.invite("Weekly")
    _, cursor = await arrived(stage, "")
    stage.accept()
    stage.change(meeting, body="<p>Another</p>")
    found, cursor = await arrived(stage, cursor)
    assert found == ["Weekly"]
    assert (await arrived(stage, cursor))[0] == []


@pytest_twisted.ensureDeferred
async def test_the_attendant_is_late(stage: GraphStage) -> None:
    """An update that is seen in the inbox before the attendant hides it is listed again
    from where it lies then, under the same id; so it can be told that it is known."""
    stage.sandbox._clock = stage.sandbox.clock
    stage.sandbox.organisation(attendant_delay_s=30)
    meeting = stage.invite("Weekly")
    stage.sandbox.later(seconds=30)
    _, cursor = await arrived(stage, "")
    stage.accept()
    stage.change(meeting, body="<p>Another</p>")
    early = await stage.mailbox.arrivals(cursor)
    assert await stage.texts(early) == ["Weekly"]
    stage.sandbox.later(seconds=30)
    assert await stage.texts(early) == ["Weekly (hidden)"]
    late = await stage.mailbox.arrivals(early.cursor)
    assert late.arrived == early.arrived


@pytest_twisted.ensureDeferred
async def test_hidden_while_we_look(stage: GraphStage) -> None:
    """An update that leaves the inbox between the looks at both folders is not missed:
    it is in one of them, or listed at the next look."""
    stage.sandbox._clock = stage.sandbox.clock
    meeting = stage.invite("Weekly")
    _, cursor = await arrived(stage, "")
    stage.accept()
    stage.sandbox.organisation(attendant_delay_s=30)
    stage.change(meeting, body="<p>Another</p>")
    asked = stage.world.client()
    follow, calls = asked.follow, 0

    async def meanwhile(link: str, *args: Any, **more: Any) -> Any:
        nonlocal calls
        found = await follow(link, *args, **more)
        calls += 1
        if calls == 1:
            stage.sandbox.later(seconds=30)
        return found

    asked.follow = meanwhile  # type: ignore[method-assign]
    page = await ArrivalReader(asked).since(cursor)
    found, _ = await arrived(stage, page.cursor)
    assert calls == 2
    assert [*await stage.texts(page), *found] == ["Weekly (hidden)"]


@pytest_twisted.ensureDeferred
async def test_hidden_during_the_first_look(stage: GraphStage) -> None:
    """What Exchange hides while both folders are read for the first time is not among
    the old deleted items: the next look has it."""
    meeting = stage.invite("Weekly")
    stage.accept()
    asked: Any = stage.world.client()
    read, calls = asked.read, 0

    async def meanwhile(*args: Any) -> Any:
        nonlocal calls
        found = await read(*args)
        calls += 1
        if calls == 1:
            stage.change(meeting, body="<p>Another</p>")
        return found

    asked.read = meanwhile
    page = await ArrivalReader(asked).since("")
    found, _ = await arrived(stage, page.cursor)
    assert calls == 2
    assert [*await stage.texts(page), *found] == ["Weekly", "Weekly (hidden)"]


@pytest_twisted.ensureDeferred
async def test_old_deleted_items_are_nobodys_concern(stage: GraphStage) -> None:
    """What lies among the deleted items at the first look is not reported, then or
    later; what comes there afterwards is."""
    for number in range(5):
        stage.invite(f"Old {number}")
    mailbox = stage.exchange.mailbox(EQUIPMENT)
    for item in mailbox.inbox():
        mailbox.move(item, "deleteditems")
    stage.invite("New")
    found, cursor = await arrived(stage, "")
    assert found == ["New"]
    for item in mailbox.inbox():
        mailbox.move(item, "deleteditems")
    found, cursor = await arrived(stage, cursor)
    assert found == ["New (hidden)"]
    assert (await arrived(stage, cursor))[0] == []
