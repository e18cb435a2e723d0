"""The organizers' calendars over a real socket to the sandbox, where Graph has ways of
its own. What EWS promises as well is in tests/scheduling/ports."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.logger import capturedLogs, formatEvent

from pexschedd.bodies.rewrite import replace_token
from pexschedd.errors import MailboxBusy, MailboxRefused, MailboxUnreachable
from pexschedd.graph.account import GraphAccount
from pexschedd.graph.organizers.graph_organizers import (
    GraphOrganizers,
    graph_organizers,
)
from pexschedd.graph.organizers.meeting_rewrite import NOT_SENT
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.sandbox import SeriesRecurrence
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from pexschedd.sandbox.items import ids
from pexschedd.sandbox.items.records import Item
from pexschedd.scheduling.ports.mailbox import RewriteKind
from tests.graph.msgraph_support import GraphWorld, reactor
from tests.sandbox.graph.graph_support import ALICE, BOB, CLIENT, EQUIPMENT, MEETING

WEEK = timedelta(weeks=1)
TOKEN = "abc.def.ghi"
BODY = f"<p>Agenda</p><p>TOK:-{TOKEN}#</p>"
NEW = "<p>Agenda</p><p>PXPS:-1#</p>"


class Alice:
    """A sandbox in which Alice invites, and her calendar as we see it."""

    def __init__(self, world: GraphWorld) -> None:
        self.world = world
        self.sandbox = world.sandbox
        self.opened: list[GraphOrganizers] = []
        self.organizers = self.seen()

    def seen(self, **more: Any) -> GraphOrganizers:
        account = GraphAccount(
            domain=self.world.domain,
            client_id=CLIENT,
            tokens=self.world.tokens,
            integration=1,
            network=Network(reactor, Trust()),
        )
        made = graph_organizers(account, throttles=self.world._throttles, **more)
        self.opened.append(made)
        return made

    def invite(self, **more: Any) -> Item:
        item: Item = self.sandbox.invite(EQUIPMENT, BOB, body=BODY, **more)
        return item

    def received(self, address: str = EQUIPMENT) -> list[Item]:
        return list(self.sandbox.exchange.mailbox(address).items("inbox"))

    def calls(self, name: str) -> int:
        return self.sandbox.calls[f"Graph{name}"]

    async def found(self, item: Item, original: datetime | None = None) -> Any:
        found = await self.organizers.find(ALICE, uid_of(item), original)
        assert found is not None
        return found

    async def rewrite(self, item: Item, body: str = NEW) -> tuple[RewriteKind, str]:
        found = await self.found(item)
        return await self.organizers.rewrite(ALICE, found.ref, body)


def uid_of(item: Item) -> str:
    assert item.meeting is not None
    return ids.uid(ids.clean(item.meeting.goid))


@pytest_twisted.async_yield_fixture()
async def alice(graph_world: GraphWorld) -> AsyncIterator[Alice]:
    alice = Alice(graph_world)
    yield alice
    for each in alice.opened:
        await each.close()


@pytest_twisted.ensureDeferred
async def test_what_it_costs(alice: Alice) -> None:
    """Two requests find a meeting, two more rewrite it."""
    item = alice.invite()
    await alice.found(item)
    assert alice.calls("ListEvents") + alice.calls("GetEvent") == 2
    alice.sandbox.calls.clear()
    assert await alice.rewrite(item) == (RewriteKind.DONE, "")
    assert sum(alice.sandbox.calls.values()) == 4


@pytest_twisted.ensureDeferred
async def test_a_foreign_uid(alice: Alice) -> None:
    """A meeting that another calendar has named is found by that name."""
    item = alice.invite()
    assert item.meeting is not None
    foreign = "it's@calendar.example"
    mailbox = alice.sandbox.exchange.mailbox(ALICE)
    mailbox.remove(item)
    item.meeting = msgspec.structs.replace(item.meeting, goid=ids.from_uid(foreign))
    mailbox.add(item, "calendar")
    found = await alice.organizers.find(ALICE, foreign)
    assert found is not None
    assert found.uid == foreign


@pytest.mark.parametrize("with_attendees", [True, False])
@pytest_twisted.ensureDeferred
async def test_all_attendees_are_told_once(alice: Alice, with_attendees: bool) -> None:
    """Whether Exchange mails a change of the body alone or not; nobody is added or
    loses the answer that they have given."""
    alice.organizers = alice.seen(with_attendees=with_attendees)
    for mails in (True, False):
        alice.sandbox.organisation(body_change_mails=mails)
        item = alice.invite()
        before = len(alice.received())
        updates = alice.calls("UpdateEvent")
        assert await alice.rewrite(item) == (RewriteKind.DONE, "")
        assert len(alice.received()) == len(alice.received(BOB)) == before + 1
        twice = not with_attendees and not mails
        assert alice.calls("UpdateEvent") - updates == (2 if twice else 1)
        assert item.meeting is not None
        people = [each.person.address for each in item.meeting.attendees]
        assert people == [EQUIPMENT, BOB]


@pytest_twisted.ensureDeferred
async def test_answers_of_attendees_stay(alice: Alice) -> None:
    """Sending the attendees along does not void what they have answered."""
    item = alice.invite()
    client = alice.sandbox.client()
    (event,) = client.ask("GET", f"/users/{BOB}/events")["value"]
    client.ask("POST", f"/users/{BOB}/events/{event['id']}/accept", {}, status=202)
    assert await alice.rewrite(item) == (RewriteKind.DONE, "")
    found = client.ask("GET", f"/users/{ALICE}/events")["value"][0]
    assert {
        each["emailAddress"]["address"]: each["status"]["response"]
        for each in found["attendees"]
    }[BOB] == "accepted"


@pytest_twisted.ensureDeferred
async def test_a_change_that_was_not_sent(alice: Alice) -> None:
    """If the second attempt fails the reason says what the organizer can do; it is
    not made a third time."""
    alice.organizers = alice.seen(with_attendees=False)
    alice.sandbox.organisation(body_change_mails=False)
    item = alice.invite()
    found = await alice.found(item)
    real = alice.sandbox.graph._carry_out
    patches = 0

    def carry_out(step: Any) -> GraphAnswer:
        nonlocal patches
        patches += step.request.method == "PATCH"
        if patches == 2:
            return GraphAnswer(status=503)
        return real(step)

    alice.sandbox.graph._carry_out = carry_out  # type: ignore[method-assign]
    kind, reason = await alice.organizers.rewrite(ALICE, found.ref, NEW)
    assert kind is RewriteKind.FAILED
    assert reason.startswith(NOT_SENT)
    assert patches == 2
    assert len(alice.received()) == 1


@pytest_twisted.ensureDeferred
async def test_an_attendee_without_an_address(alice: Alice) -> None:
    """Attendees are sent along all together or not at all: none is lost."""
    item = alice.invite()
    found = await alice.found(item)
    real = alice.sandbox.graph._carry_out

    def carry_out(step: Any) -> GraphAnswer:
        if step.request.method == "PATCH":
            assert set(step.request.document()) == {"body"}
        answer = real(step)
        document: Any = answer.document or {}
        for each in document.get("attendees", []):
            each["emailAddress"]["address"] = "/O=ORG/CN=X"
        return answer

    alice.sandbox.graph._carry_out = carry_out  # type: ignore[method-assign]
    result = await alice.organizers.rewrite(ALICE, found.ref, NEW)
    assert result == (RewriteKind.DONE, "")
    assert len(alice.received()) == 2


class Touched:
    """An event that something touches just before each of our changes arrives."""

    def __init__(self, alice: Alice, item: Item, touches: int, body: str = "") -> None:
        self._real = alice.sandbox.graph._carry_out
        self._alice, self._item = alice, item
        self._left, self._body = touches, body
        self.patches = 0
        alice.sandbox.graph._carry_out = self  # type: ignore[method-assign]

    def __call__(self, step: Any) -> GraphAnswer:
        if step.request.method == "PATCH":
            self.patches += 1
            if self._left:
                self._left -= 1
                if self._body:
                    self._alice.sandbox.exchange.update(self._item, body=self._body)
                else:
                    self._alice.sandbox.exchange.mailbox(ALICE).changed(self._item)
        return self._real(step)


@pytest.mark.parametrize(
    ("touches", "kind", "patches"),
    [
        (0, RewriteKind.DONE, 1),
        (1, RewriteKind.DONE, 2),
        (2, RewriteKind.DONE, 3),
        (9, RewriteKind.CHANGED, 3),
    ],
)
@pytest_twisted.ensureDeferred
async def test_exchange_touches_the_event(
    alice: Alice, touches: int, kind: RewriteKind, patches: int
) -> None:
    """A conflict without anything that a person would see is no reason to give up at
    once; the attendees are told once."""
    item = alice.invite()
    touched = Touched(alice, item, touches)
    assert (await alice.rewrite(item))[0] is kind
    assert touched.patches == patches
    assert len(alice.received()) == (2 if kind is RewriteKind.DONE else 1)


@pytest_twisted.ensureDeferred
async def test_the_organizer_was_quicker(alice: Alice) -> None:
    """What they write in the last moment stays."""
    item = alice.invite()
    touched = Touched(alice, item, 1, "<p>My own words</p>")
    assert (await alice.rewrite(item))[0] is RewriteKind.CHANGED
    assert touched.patches == 1
    assert "My own words" in (await alice.found(item)).html


@pytest_twisted.ensureDeferred
async def test_the_online_meeting_stays(alice: Alice) -> None:
    """The instructions come into the place of the token; the block of Teams stays as it
    is, and so does the online meeting."""
    client = alice.sandbox.client()
    created = client.ask(
        "POST",
        f"/users/{ALICE}/events",
        {
            "subject": "Online",
            "body": {"contentType": "html", "content": BODY},
            "start": {"dateTime": "2026-12-01T09:00:00", "timeZone": "UTC"},
            "end": {"dateTime": "2026-12-01T10:00:00", "timeZone": "UTC"},
            "attendees": [{"type": "resource", "emailAddress": {"address": EQUIPMENT}}],
            "isOnlineMeeting": True,
            "onlineMeetingProvider": "teamsForBusiness",
        },
        status=201,
    )
    found = await alice.organizers.find(ALICE, created["iCalUId"])
    assert found is not None
    html = replace_token(found.html, TOKEN, "", "<p>PXPS:-1#</p>")
    assert html is not None
    with capturedLogs() as events:
        result = await alice.organizers.rewrite(ALICE, found.ref, html)
    assert result == (RewriteKind.DONE, "")
    assert not [e for e in events if "isOnlineMeeting" in (formatEvent(e) or "")]
    event = client.ask("GET", f"/users/{ALICE}/events/{created['id']}")
    assert event["isOnlineMeeting"] is True
    assert "PXPS:-1#" in event["body"]["content"]
    assert event["onlineMeeting"]["joinUrl"] in event["body"]["content"]
    (attendee,) = event["attendees"]
    assert attendee["type"] == "resource"

    found = await alice.organizers.find(ALICE, created["iCalUId"])
    assert found is not None
    with capturedLogs() as events:
        await alice.organizers.rewrite(ALICE, found.ref, NEW)
    lines = [formatEvent(e) or "" for e in events]
    (line,) = [line for line in lines if "isOnlineMeeting" in line]
    assert "before=True now=False" in line
    assert f"mailbox={ALICE} integration=1" in line


@pytest_twisted.ensureDeferred
async def test_clouds_without_changed_occurrences(alice: Alice) -> None:
    """Where the property is unknown a series is read without it, and an occurrence
    among those that are near."""
    item = alice.invite(recurrence=SeriesRecurrence.weekly("Tuesday", count=6))
    original = MEETING + WEEK
    later = original + timedelta(hours=3)
    alice.sandbox.exchange.update(
        item, occurrence=original, start=later, end=later + timedelta(hours=1)
    )
    real = alice.sandbox.graph._carry_out

    def carry_out(step: Any) -> GraphAnswer:
        if "exceptionOccurrences" in step.request.query:
            return GraphAnswer(400, {"error": {"code": "RequestBroker--ParseUri"}})
        return real(step)

    alice.sandbox.graph._carry_out = carry_out  # type: ignore[method-assign]
    assert (await alice.found(item)).is_series
    assert (await alice.found(item, original)).start == later


@pytest_twisted.ensureDeferred
async def test_an_application_without_the_role(alice: Alice) -> None:
    """It is told which role, and a scope with this organizer."""
    item = alice.invite()
    alice.sandbox.add(
        MailboxGrant("Calendars.ReadWrite", (EQUIPMENT,)),
        MailboxGrant("Mail.ReadWrite", (ALICE,)),
    )
    with pytest.raises(MailboxRefused) as caught:
        await alice.found(item)
    for words in (ALICE, "'Application Calendars.ReadWrite'", "scope", CLIENT):
        assert words in caught.value.message


@pytest_twisted.ensureDeferred
async def test_a_mailbox_on_premises(alice: Alice) -> None:
    """Graph does not reach it, and no role would change that."""
    item = alice.invite()
    alice.sandbox.organisation(without_rest=(ALICE,))
    with pytest.raises(MailboxRefused) as caught:
        await alice.found(item)
    assert ALICE in caught.value.message
    assert "on premises" in caught.value.message
    assert "role" not in caught.value.message


@pytest_twisted.ensureDeferred
async def test_bodies_that_are_withheld(alice: Alice) -> None:
    """A meeting without a body is a missing permission and no empty invitation, which
    would be declined."""
    item = alice.invite()
    found = await alice.found(item)
    real = alice.sandbox.graph._carry_out

    def carry_out(step: Any) -> GraphAnswer:
        answer = real(step)
        document: Any = answer.document or {}
        document.pop("body", None)
        return answer

    alice.sandbox.graph._carry_out = carry_out  # type: ignore[method-assign]
    for call in (
        alice.organizers.find(ALICE, uid_of(item)),
        alice.organizers.rewrite(ALICE, found.ref, NEW),
    ):
        with pytest.raises(MailboxRefused, match=r"Application Calendars\.ReadWrite"):
            await call


@pytest_twisted.ensureDeferred
async def test_a_lost_answer(alice: Alice) -> None:
    """Its fate is open, and it is not repeated; the next look finds it done."""
    item = alice.invite()
    found = await alice.found(item)
    alice.world.misbehave(
        operation="GraphUpdateEvent", kind="reset", after=True, times=1
    )
    with pytest.raises(MailboxUnreachable):
        await alice.organizers.rewrite(ALICE, found.ref, NEW)
    assert "PXPS:-1#" in (await alice.found(item)).html
    assert alice.calls("UpdateEvent") == 1
    assert len(alice.received()) == 2


@pytest_twisted.ensureDeferred
async def test_a_busy_organizer(alice: Alice) -> None:
    """Their mailbox has a pause of its own, which other organizers do not share."""
    item = alice.invite()
    alice.world.misbehave(
        operation="GraphListEvents", kind="http-429", times=1, retry_after_s=30
    )
    with pytest.raises(MailboxBusy) as caught:
        await alice.found(item)
    assert caught.value.retry_after == 30
    with pytest.raises(MailboxBusy):
        await alice.found(item)
    assert await alice.organizers.find(BOB, uid_of(item)) is None


HOSTILE: list[Any] = [
    None,
    [],
    {"value": None},
    {"value": [None]},
    {"value": [{"id": 1}]},
    {"id": "a", "body": 1},
    {"id": "a", "body": {"content": 7}, "@odata.etag": "x"},
    {"id": "a", "body": {}, "start": {"dateTime": "x" * 1000}},
    {"id": "a", "iCalUId": ["x"], "attendees": {}},
    {"id": "a", "@odata.etag": 5, "isDraft": "maybe"},
]


@pytest.mark.parametrize("document", HOSTILE)
@pytest_twisted.ensureDeferred
async def test_hostile_answers(alice: Alice, document: Any) -> None:
    """At whatever step: a result, or one of our errors."""
    item = alice.invite(recurrence=SeriesRecurrence.weekly("Tuesday", count=6))
    ref = (await alice.found(item)).ref
    real = alice.sandbox.graph._carry_out
    for good in range(4):
        for call in (
            lambda: alice.organizers.find(ALICE, uid_of(item)),
            lambda: alice.organizers.find(ALICE, uid_of(item), MEETING + WEEK),
            lambda: alice.organizers.item_uid(ALICE, item.id),
            lambda: alice.organizers.rewrite(ALICE, ref, NEW),
        ):
            left = good

            def carry_out(step: Any) -> GraphAnswer:
                nonlocal left
                left -= 1
                return real(step) if left >= 0 else GraphAnswer(document=document)

            alice.sandbox.graph._carry_out = carry_out  # type: ignore[method-assign]
            with suppress(MailboxUnreachable, MailboxRefused):
                await call()
