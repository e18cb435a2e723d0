"""What has arrived or was hidden in a mailbox, as a sandbox over a socket lists it."""

from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import (
    CursorLost,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.graph.arrivals import HIDING, ArrivalReader
from pexschedd.graph.folder_changes import MailboxPosition
from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.ports.mailbox import ArrivalPage
from tests.graph.msgraph_mailbox_support import GraphStage
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import EQUIPMENT, HOUR, MEETING


@pytest.fixture
def stage(graph_world: GraphWorld) -> GraphStage:
    """A mailbox whose pages have two messages."""
    return GraphStage(graph_world, page=2)


async def failure(asking: Any) -> MailboxError:
    with pytest.raises(MailboxError) as caught:
        await asking
    return caught.value


def links(cursor: str) -> MailboxPosition:
    return msgspec.json.decode(cursor, type=MailboxPosition)


async def arrived(stage: GraphStage, cursor: str) -> tuple[list[str], str]:
    page = await stage.mailbox.arrivals(cursor)
    return await stage.texts(page), page.cursor


@pytest_twisted.ensureDeferred
async def test_everything_once_oldest_last(stage: GraphStage) -> None:
    """All pages come as one, the newest message first; the next look has what is new,
    and the meetings' ids are known without reading the messages."""
    meetings = [stage.invite(str(number)) for number in range(5)]
    page = await stage.mailbox.arrivals("")
    assert not page.more
    assert await stage.texts(page) == list("01234")
    uids = [ref.uid for ref in reversed(page.arrived)]
    assert uids == [each.meeting.goid.hex().upper() for each in meetings]
    stage.invite("5")
    assert (await arrived(stage, page.cursor))[0] == ["5"]


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


@pytest_twisted.ensureDeferred
async def test_messages_arrive_while_pages_are_read(stage: GraphStage) -> None:
    """What comes between two pages is in this look or in the next one, once."""
    for number in range(4):
        stage.invite(str(number))
    asked = stage.world.client()
    follow, numbers = asked.follow, iter("456789")

    async def meanwhile(link: str, *args: Any, **more: Any) -> Any:
        stage.invite(next(numbers))
        return await follow(link, *args, **more)

    asked.follow = meanwhile  # type: ignore[method-assign]
    page = await ArrivalReader(asked, page=2).since("")
    rest = await ArrivalReader(stage.world.client(), page=2).since(page.cursor)
    assert page.arrived != ()
    seen = [ref for each in (page, rest) for ref in each.arrived]
    assert len(seen) == len(set(seen))
    mailbox = stage.exchange.mailbox(EQUIPMENT)
    assert len(seen) == len(mailbox.inbox())
    assert len(seen) > 4


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


@pytest_twisted.ensureDeferred
async def test_a_person_moves_messages(stage: GraphStage) -> None:
    """A message goes to a folder and comes back, or to the deleted items and back: it
    is listed again under its id, and fetched as it lies then."""
    stage.invite("Weekly")
    page = await stage.mailbox.arrivals("")
    (item,) = stage.person.inbox()
    for folder, seen in (
        ("junkemail", []),
        ("inbox", ["Weekly"]),
        ("deleteditems", ["Weekly (hidden)"]),
        ("recoverableitemsdeletions", []),
        ("inbox", ["Weekly"]),
    ):
        item = stage.person.move(item, folder)
        assert await stage.texts(page) == seen
        later = await stage.mailbox.arrivals(page.cursor)
        assert later.arrived == (page.arrived if seen else ())
        page = ArrivalPage(page.arrived, later.cursor, more=False)


@pytest_twisted.ensureDeferred
async def test_duplicates_and_empty_pages(stage: GraphStage) -> None:
    """What is listed twice counts once; a page without anything is no end."""
    stage.invite("One")
    stage.invite("Two")
    stage.sandbox.behaviour.configure(
        {
            "faults": [
                {"kind": "empty-page", "times": 5},
                {"kind": "duplicates", "times": None},
            ]
        }
    )
    assert (await arrived(stage, ""))[0] == ["One", "Two"]


@pytest_twisted.ensureDeferred
async def test_redelivered_messages_are_new_ones(stage: GraphStage) -> None:
    """A second copy of a request has an id of its own."""
    stage.invite("Weekly")
    page = await stage.mailbox.arrivals("")
    stage.exchange.deliver_again(stage.person.inbox()[0])
    copy = await stage.mailbox.arrivals(page.cursor)
    assert len(copy.arrived) == 1
    assert copy.arrived[0].item_id != page.arrived[0].item_id
    assert copy.arrived[0].uid == page.arrived[0].uid


@pytest_twisted.ensureDeferred
async def test_a_read_message_keeps_its_place(stage: GraphStage) -> None:
    """A change of the flag alone lists the message again, without its time; a removal
    says nothing."""
    stage.invite("One")
    stage.invite("Two")
    page = await stage.mailbox.arrivals("")
    one, two = stage.person.inbox()
    stage.person.mark_read(one, True)
    stage.person.remove(two)
    later = await stage.mailbox.arrivals(page.cursor)
    assert [ref.item_id for ref in later.arrived] in (
        [page.arrived[0].item_id],
        [page.arrived[1].item_id],
    )


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


@pytest_twisted.ensureDeferred
async def test_a_server_that_does_not_expand(stage: GraphStage) -> None:
    """Without the meetings' ids the messages are listed all the same; that is asked
    for once."""
    stage.invite("One")
    asked = stage.world.client()
    read, refused = asked.read, []

    async def plain(request: Any, parse: Any) -> Any:
        if "expand" in request.path:
            refused.append(request.path)
            stage.world.misbehave(kind="graph-RequestBroker--ParseUri")
        return await read(request, parse)

    asked.read = plain  # type: ignore[method-assign]
    arrivals = ArrivalReader(asked)
    page = await arrivals.since("")
    assert [ref.uid for ref in page.arrived] == [""]
    await arrivals.since("")
    assert len(refused) == 1


@pytest_twisted.ensureDeferred
async def test_a_refused_list_is_told(stage: GraphStage) -> None:
    """What the server does not understand of the plain request is an error."""
    stage.world.misbehave(kind="graph-BadRequest", times=None)
    assert isinstance(await failure(stage.mailbox.arrivals("")), MailboxRefused)


@pytest_twisted.ensureDeferred
async def test_a_pause_in_the_middle(stage: GraphStage) -> None:
    """A pause that is asked for between two pages ends the look; the cursor stays."""
    for number in range(5):
        stage.invite(str(number))
    asked = stage.world.client()
    follow = asked.follow

    async def busy(link: str, *args: Any, **more: Any) -> Any:
        stage.world.misbehave(kind="http-429", retry_after_s=17)
        return await follow(link, *args, **more)

    asked.follow = busy  # type: ignore[method-assign]
    error = await failure(ArrivalReader(asked, page=2).since(""))
    assert isinstance(error, MailboxBusy)
    assert error.retry_after == 17
    stage.world.clock.advance(17)
    assert (await arrived(stage, ""))[0] == list("01234")


class Script:
    """A client that gets pages from a list instead of a server."""

    def __init__(self, world: GraphWorld, pages: Any) -> None:
        self._client = world.client()
        self.target = self._client.target
        self._pages = pages
        self.asked = 0

    async def read(self, request: Any, parse: Any) -> Any:
        return await self.follow("", parse)

    async def follow(self, link: str, parse: Any, **more: Any) -> Any:
        page = self._pages(self.asked, link)
        self.asked += 1
        return parse(msgspec.json.encode(page))


def link(world: GraphWorld, rest: str) -> str:
    return f"http://{world.domain}/v1.0/users/{EQUIPMENT}/x?$skiptoken={rest}"


TYPES: list[tuple[str, dict[str, str], bool]] = [
    ("request", {"@odata.type": "#microsoft.graph.eventMessageRequest"}, True),
    ("cancellation", {"@odata.type": "#microsoft.graph.eventMessage"}, True),
    ("unknown", {}, True),
    ("mail", {"@odata.type": "#microsoft.graph.message"}, False),
    ("response", {"@odata.type": "#microsoft.graph.eventMessageResponse"}, False),
    (
        "response of no type",
        {
            "@odata.type": "#microsoft.graph.eventMessage",
            "meetingMessageType": "meetingTenativelyAccepted",
        },
        False,
    ),
]


@pytest.mark.parametrize(
    ("entry", "listed"), [row[1:] for row in TYPES], ids=[row[0] for row in TYPES]
)
@pytest_twisted.ensureDeferred
async def test_kinds_of_deleted_items(
    graph_world: GraphWorld, entry: dict[str, str], listed: bool
) -> None:
    """Among the deleted items only what may request or cancel a meeting is listed; in
    the inbox everything is."""
    page = {"value": [{**ENTRY, **entry}], "@odata.deltaLink": link(graph_world, "1")}
    empty = {"value": [], "@odata.deltaLink": link(graph_world, "2")}
    client: Any = Script(graph_world, lambda n, _: page if n == 1 else empty)
    arrivals = ArrivalReader(client)
    first = await arrivals.since("")
    assert len(first.arrived) == 1
    client.asked = 0
    client._pages = lambda n, _: page if n == 0 else empty
    second = await arrivals.since(first.cursor)
    assert len(second.arrived) == listed


ENTRY = {"id": "AA", "receivedDateTime": "2026-11-30T08:00:00Z"}
ENDLESS: list[tuple[str, Any, str]] = [
    (
        "the same link",
        lambda w: lambda n, _: {"value": [ENTRY], "@odata.nextLink": link(w, "1")},
        "leads back",
    ),
    (
        "two links",
        lambda w: (
            lambda n, _: {
                "value": [ENTRY],
                "@odata.nextLink": link(w, str(n % 2)),
            }
        ),
        "leads back",
    ),
    (
        "empty",
        lambda w: lambda n, _: {"value": [], "@odata.nextLink": link(w, str(n))},
        "101 pages in a row are empty",
    ),
    (
        "full",
        lambda w: lambda n, _: {"value": [ENTRY], "@odata.nextLink": link(w, str(n))},
        "more than 300 pages",
    ),
    (
        "large",
        lambda w: (
            lambda n, _: {
                "value": [ENTRY] * 10_000,
                "@odata.nextLink": link(w, str(n)),
            }
        ),
        "it has 70000 messages by now",
    ),
]


@pytest.mark.parametrize(
    ("pages", "words"), [row[1:] for row in ENDLESS], ids=[row[0] for row in ENDLESS]
)
@pytest_twisted.ensureDeferred
async def test_pages_without_an_end(
    graph_world: GraphWorld, pages: Any, words: str
) -> None:
    """A list that does not end is named, after a bounded number of pages."""
    client: Any = Script(graph_world, pages(graph_world))
    error = await failure(ArrivalReader(client, most_pages=300).since(""))
    assert isinstance(error, MailboxUnreachable)
    assert words in error.message
    assert EQUIPMENT in error.message
    assert client.asked <= 301


@pytest.mark.parametrize(
    "foreign",
    [
        "https://evil.test/v1.0/users/{mailbox}/x",
        "http://{domain}@evil.test/v1.0/users/{mailbox}/x",
        "http://{domain}/beta/users/{mailbox}/x",
        "http://{domain}/v1.0/users/alice%40example.test/x",
        "http://{domain}/v1.0/users('alice@example.test')/x",
        "http://{domain}/v1.0/users/{mailbox}/../alice%40example.test/x",
        "http://{domain}/v1.0/users/{mailbox}/%2E%2e/alice%40example.test/x",
        "http://{domain}/v1.0/me/x",
        "http://[::1/v1.0/users/{mailbox}/x",
        "/v1.0/users/{mailbox}/x",
    ],
)
@pytest.mark.parametrize("name", ["@odata.nextLink", "@odata.deltaLink"])
@pytest_twisted.ensureDeferred
async def test_links_elsewhere_are_not_followed(
    graph_world: GraphWorld, foreign: str, name: str
) -> None:
    """A link to another host, version or mailbox is neither followed nor kept."""
    wrong = foreign.format(domain=graph_world.domain, mailbox=EQUIPMENT)
    client: Any = Script(graph_world, lambda n, _: {"value": [], name: wrong})
    error = await failure(ArrivalReader(client).since(""))
    assert isinstance(error, MailboxRefused)
    assert "not followed" in error.message
    assert client.asked == 1


@pytest.mark.parametrize(
    "spelling", ["pexipmeeting%40example.test", "PexipMeeting@Example.test"]
)
@pytest_twisted.ensureDeferred
async def test_spellings_of_our_own_links(
    graph_world: GraphWorld, spelling: str
) -> None:
    """Our own mailbox may be spelt in any way, or by its object id."""
    for user in (f"/{spelling}", f"('{spelling}')", "/9b0a6f3a-2d1e-8b47-0000-1"):
        own = f"http://{graph_world.domain}/v1.0/users{user}/x?$deltatoken=1"
        page = {"value": [ENTRY], "@odata.deltaLink": own}
        client: Any = Script(graph_world, lambda n, _, page=page: page)
        found = await ArrivalReader(client).since("")
        assert links(found.cursor).inbox == own
        assert found.arrived == (MessageRef("AA"),)


@pytest.mark.parametrize(
    "page",
    [
        [],
        {},
        {"value": []},
        {"value": {}, "@odata.deltaLink": "x"},
        {"value": [], "@odata.deltaLink": 1},
        {"value": [], "@odata.nextLink": "x" * 100_000},
    ],
)
@pytest_twisted.ensureDeferred
async def test_pages_that_are_none(graph_world: GraphWorld, page: Any) -> None:
    """A document that is no page, or a link of 100 kB, is refused by its reader, which
    the client tells as an answer that is not Graph's."""
    client: Any = Script(graph_world, lambda n, _: page)
    with pytest.raises(ValueError, match=r"page|object|collection|odata"):
        await ArrivalReader(client).since("")
