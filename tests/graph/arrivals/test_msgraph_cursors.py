"""Cursors of a mailbox: kept over restarts, lost, foreign, or none at all."""

from typing import Any

import pytest
import pytest_twisted

from pexschedd.errors import CursorLost
from pexschedd.graph.arrivals import HIDING, ArrivalReader
from tests.graph.msgraph_mailbox_support import GraphStage, arrived, links
from tests.graph.msgraph_support import failure
from tests.sandbox.graph.graph_support import EQUIPMENT


@pytest_twisted.ensureDeferred
async def test_a_cursor_outlives_the_process(stage: GraphStage) -> None:
    """Another mailbox object goes on from the cursor; an older cursor gives what came
    since it once more."""
    stage.invite("One")
    _, first = await arrived(stage, "")
    stage.invite("Two")
    _, second = await arrived(stage, first)
    stage.invite("Three")
    stage.mailbox = stage.open(page=2)
    assert (await arrived(stage, second))[0] == ["Three"]
    assert (await arrived(stage, first))[0] == ["Two", "Three"]


@pytest.mark.parametrize("lost", ["both", "inbox", "deleted"])
@pytest.mark.parametrize("code", ["SyncStateNotFound", "ResyncRequired", "BadRequest"])
@pytest_twisted.ensureDeferred
async def test_a_lost_position_loses_nothing(
    stage: GraphStage, lost: str, code: str
) -> None:
    """A folder whose position is lost is read from the beginning: of the inbox all
    counts again, of the deleted items what has arrived since the last look."""
    stage.invite("Deleted long ago")
    stage.person.move(stage.person.inbox()[0], "deleteditems")
    stage.sandbox.later(seconds=HIDING.total_seconds() + 60)
    meeting = stage.invite("Weekly")
    _, cursor = await arrived(stage, "")
    stage.accept()
    stage.change(meeting, body="<p>Another</p>")
    position = links(cursor)
    asked = stage.world.client()
    follow = asked.follow

    async def forgetful(link: str, *args: Any, **more: Any) -> Any:
        gone = [position.inbox, position.deleted]
        if lost != "both":
            gone = [getattr(position, lost)]
        if link in gone:
            stage.world.misbehave(kind=f"graph-{code}")
        return await follow(link, *args, **more)

    asked.follow = forgetful  # type: ignore[method-assign]
    page = await ArrivalReader(asked, page=2).since(cursor)
    again = [] if lost == "deleted" else ["Weekly"]
    assert await stage.texts(page) == [*again, "Weekly (hidden)"]
    assert (await arrived(stage, page.cursor))[0] == []


@pytest_twisted.ensureDeferred
async def test_a_moved_mailbox(stage: GraphStage) -> None:
    """After the mailbox has moved, both positions are void, and nothing is missed."""
    stage.invite("One")
    _, cursor = await arrived(stage, "")
    stage.sandbox.move_mailbox(EQUIPMENT, 0)
    stage.invite("Two")
    found, cursor = await arrived(stage, cursor)
    assert found == ["One", "Two"]
    assert (await arrived(stage, cursor))[0] == []


@pytest_twisted.ensureDeferred
async def test_a_position_lost_from_the_beginning(stage: GraphStage) -> None:
    """A server that forgets at once is not asked for ever."""
    stage.invite("One")
    _, cursor = await arrived(stage, "")
    stage.world.misbehave(kind="graph-SyncStateNotFound", times=None)
    assert isinstance(await failure(stage.mailbox.arrivals(cursor)), CursorLost)
    assert stage.requests("DeltaMessages") < 10


@pytest.mark.parametrize(
    "cursor",
    [
        "no such cursor",
        "H4sIAAAAAAAEAA==",
        "[]",
        '{"inbox": 1}',
        '{"inbox": "http://other.test/v1.0/users/a/x", "deleted": ""}',
        '{"inbox": "", "deleted": "http://[::1/v1.0/users/a/x"}',
        '{"inbox": "", "deleted": "", "seen": "2026-11-30T08:00:00"}',
        "[" * 100_000,
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_no_cursor(stage: GraphStage, cursor: str) -> None:
    """A cursor of EWS, of another cloud or of nothing at all means to start over, and
    nothing is asked of anyone."""
    assert isinstance(await failure(stage.mailbox.arrivals(cursor)), CursorLost)
    assert not stage.sandbox.calls


@pytest_twisted.ensureDeferred
async def test_the_cursor_of_another_mailbox(stage: GraphStage) -> None:
    """The links in a cursor have to be those of this mailbox."""
    cursor = (await stage.mailbox.arrivals("")).cursor
    other = cursor.replace("pexipmeeting", "none")
    assert other != cursor
    assert isinstance(await failure(stage.mailbox.arrivals(other)), CursorLost)
