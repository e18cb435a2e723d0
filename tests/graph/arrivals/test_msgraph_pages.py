"""Pages of arrivals, made up: kinds of entries, no end, and links elsewhere."""

from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import MailboxRefused, MailboxUnreachable
from pexschedd.graph.arrivals import ArrivalReader
from pexschedd.model.meeting import MessageRef
from tests.graph.msgraph_mailbox_support import links
from tests.graph.msgraph_support import GraphWorld, failure
from tests.sandbox.graph.graph_support import EQUIPMENT


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
