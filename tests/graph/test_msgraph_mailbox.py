"""The equipment mailbox over Graph, at a sandbox over a socket."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import (
    CursorLost,
    MailboxBusy,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.exchange.error_policy import UnexplainedServerError
from pexschedd.exchange.owner_stamp import PROPERTY_NAME, PROPERTY_SET
from pexschedd.graph.transport import GraphLimits
from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.sandbox import Processing, SeriesRecurrence
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from pexschedd.scheduling.ports.mailbox import (
    Blame,
    Outcome,
    OutcomeKind,
    Unreadable,
)
from tests.graph.msgraph_mailbox_support import TAG, GraphStage, discard
from tests.graph.msgraph_support import GraphWorld, failure
from tests.sandbox.graph.graph_support import (
    ALICE,
    CLIENT,
    EQUIPMENT,
    HOUR,
    MEETING,
    SILENT,
)


async def refs_of(stage: GraphStage) -> list[MessageRef]:
    """What lies in the inbox, oldest first."""
    return list(reversed((await stage.mailbox.arrivals("")).arrived))


def count_batches(stage: GraphStage) -> list[int]:
    """The sizes of the batches from now on."""
    client = stage.mailbox._client
    batch, sizes = client.batch, list[int]()

    async def counted(requests: Any, parse: Any) -> Any:
        sizes.append(len(requests))
        return await batch(requests, parse)

    client.batch = counted  # type: ignore[method-assign]
    return sizes


# Reading


@pytest_twisted.ensureDeferred
async def test_messages_are_fetched_in_batches(stage: GraphStage) -> None:
    """Twenty at a time, with one request each; they come back oldest first, whatever
    the order of the references."""
    for number in range(45):
        stage.invite(str(number))
    refs = await refs_of(stage)
    batches = count_batches(stage)
    found = await stage.mailbox.fetch(refs[::-1])
    assert batches == [20, 20, 5]
    assert stage.requests("GetMessage") == 45
    messages = [each for each in found if isinstance(each, MeetingMessage)]
    assert [each.subject for each in messages] == [str(n) for n in range(45)]
    assert [each.ref.item_id for each in messages] == [ref.item_id for ref in refs]
    assert all(TAG in each.html for each in messages)
    assert not any(each.hidden for each in messages)


@pytest_twisted.ensureDeferred
async def test_messages_elsewhere_are_gone(stage: GraphStage) -> None:
    """What is deleted, or lies in another folder, is left out; what lies among the
    deleted items is hidden."""
    for name in ("Stays", "Purged", "Soft", "Junk", "Hidden"):
        stage.invite(name)
    refs = await refs_of(stage)
    by_name = {item.subject: item for item in stage.person.inbox()}
    stage.person.remove(by_name["Purged"])
    stage.person.move(by_name["Soft"], "recoverableitemsdeletions")
    stage.person.move(by_name["Junk"], "junkemail")
    stage.person.move(by_name["Hidden"], "deleteditems")
    found = await stage.mailbox.fetch(refs)
    assert [(each.subject, each.hidden) for each in found] == [  # type: ignore[union-attr]
        ("Stays", False),
        ("Hidden", True),
    ]


@pytest_twisted.ensureDeferred
async def test_folders_may_get_other_ids(stage: GraphStage) -> None:
    """The ids of the folders are asked for again before a message is taken for gone."""
    stage.invite("One")
    refs = await refs_of(stage)
    assert len(await stage.mailbox.fetch(refs)) == 1
    asked = stage.requests("GetMailFolder")
    assert len(await stage.mailbox.fetch(refs)) == 1
    assert stage.requests("GetMailFolder") == asked
    stage.person.folders["inbox"].id = stage.person.folders["drafts"].id[::-1]
    assert len(await stage.mailbox.fetch(refs)) == 1


@pytest_twisted.ensureDeferred
async def test_one_damaged_message(stage: GraphStage) -> None:
    """A message that the server cannot read stands alone; the others are read."""
    for number in range(3):
        stage.invite(str(number))
    refs = await refs_of(stage)
    stage.world.misbehave(kind="ErrorCorruptData", operation="GraphGetMessage", times=1)
    one, two, bad = await stage.mailbox.fetch(refs)
    assert [one.ref, two.ref] == refs[1:]
    assert isinstance(bad, Unreadable)
    assert (bad.ref, bad.blame, bad.hidden) == (refs[0], Blame.MESSAGE, False)
    assert "ErrorCorruptData" in bad.reason


@pytest_twisted.ensureDeferred
async def test_the_body_of_a_cancellation_is_dispensable(stage: GraphStage) -> None:
    """What is no request is enough without the body that cannot be read."""
    meeting = stage.invite("Weekly")
    stage.sandbox.later(seconds=1)
    stage.exchange.cancel(meeting)
    refs = await refs_of(stage)
    stage.world.misbehave(kind="ErrorCorruptData", operation="GraphGetMessage", times=1)
    (found,) = await stage.mailbox.fetch(refs[1:])
    assert isinstance(found, MeetingMessage)
    assert (found.kind, found.html) == (MessageKind.CANCELLATION, "")


@pytest_twisted.ensureDeferred
async def test_a_damaged_hidden_message(stage: GraphStage) -> None:
    """One that cannot even be read without its body is told as hidden, if it is."""
    stage.invite("Weekly")
    refs = await refs_of(stage)
    stage.person.move(stage.person.inbox()[0], "deleteditems")
    stage.world.misbehave(kind="ErrorCorruptData", operation="GraphGetMessage", times=2)
    (bad,) = await stage.mailbox.fetch(refs)
    assert isinstance(bad, Unreadable)
    assert bad.hidden


@pytest.mark.parametrize("status", [500, 502, 504])
@pytest_twisted.ensureDeferred
async def test_a_batch_that_is_too_much(stage: GraphStage, status: int) -> None:
    """A batch that fails as a whole is divided until everything is read."""
    for number in range(7):
        stage.invite(str(number))
    refs = await refs_of(stage)
    client = stage.mailbox._client
    batch, sizes = client.batch, []

    async def weak(requests: Any, parse: Any) -> Any:
        sizes.append(len(requests))
        if len(requests) > 2:
            raise UnexplainedServerError(f"HTTP {status}")
        return await batch(requests, parse)

    client.batch = weak  # type: ignore[method-assign]
    assert len(await stage.mailbox.fetch(refs)) == 7
    assert sizes[0] == 7
    assert max(sizes[1:]) < 7


@pytest_twisted.ensureDeferred
async def test_a_batch_of_nothing_but_504(stage: GraphStage) -> None:
    """Parts that all time out are asked for in halves, those that go on to do so
    alone are doubtful; the server is proved to work first."""
    for number in range(4):
        stage.invite(str(number))
    refs = await refs_of(stage)
    stage.world.misbehave(kind="http-504", operation="GraphGetMessage", times=6)
    found = await stage.mailbox.fetch(refs)
    assert len([each for each in found if isinstance(each, MeetingMessage)]) == 4
    stage.world.misbehave(kind="http-504", operation="GraphGetMessage", times=None)
    found = await stage.mailbox.fetch(refs)
    assert [each.blame for each in found if isinstance(each, Unreadable)] == [
        Blame.DOUBT
    ] * 4
    stage.world.misbehave(kind="http-504", times=None)
    assert isinstance(await failure(stage.mailbox.fetch(refs)), MailboxBusy)


@pytest_twisted.ensureDeferred
async def test_a_huge_body(graph_world: GraphWorld) -> None:
    """A body beyond our limit does not keep the others from being read, and is that
    message's own fault."""
    stage = GraphStage(graph_world, limits=GraphLimits(max_answer=200_000))
    for number in range(8):
        stage.invite(str(number))
    stage.sandbox.later(seconds=1)
    stage.sandbox.invite(subject="Huge", body="x" * 500_000)
    found = await stage.mailbox.fetch(await refs_of(stage))
    assert [each.subject for each in found[:-1]] == list("01234567")  # type: ignore[union-attr]
    assert isinstance(found[-1], Unreadable)
    assert found[-1].blame is Blame.MESSAGE


@pytest_twisted.ensureDeferred
async def test_a_pause_while_fetching(stage: GraphStage) -> None:
    """A part of a batch that is throttled makes the mailbox wait."""
    for number in range(3):
        stage.invite(str(number))
    refs = await refs_of(stage)
    stage.world.misbehave(
        kind="http-429", operation="GraphGetMessage", retry_after_s=19
    )
    error = await failure(stage.mailbox.fetch(refs))
    assert isinstance(error, MailboxBusy)
    assert stage.mailbox.back_off_seconds == 19
    stage.world.clock.advance(19)
    assert len(await stage.mailbox.fetch(refs)) == 3


@pytest_twisted.ensureDeferred
async def test_a_part_that_stumbles_once(stage: GraphStage) -> None:
    """What fails in passing is asked for again at once."""
    for number in range(3):
        stage.invite(str(number))
    refs = await refs_of(stage)
    stage.world.misbehave(
        kind="graph-InternalServerError", operation="GraphGetMessage", times=1
    )
    found = await stage.mailbox.fetch(refs)
    assert all(isinstance(each, MeetingMessage) for each in found)


# Answering


@pytest_twisted.ensureDeferred
async def test_answers_in_batches(stage: GraphStage) -> None:
    """Answers are given twenty at a time, and told in their order."""
    answers = [discard(MessageRef(str(number))) for number in range(45)]
    outcomes = await stage.mailbox.answer(answers)
    assert [len(each) for each in stage.answered] == [20, 20, 5]
    assert outcomes == [Outcome(OutcomeKind.DONE)] * 45
    assert await stage.mailbox.answer([]) == []


@pytest_twisted.ensureDeferred
async def test_answers_after_a_failed_batch(stage: GraphStage) -> None:
    """A batch whose fate is unknown is given again in halves, as unsure answers; one
    that fails alone is to be tried again."""
    answers = [discard(MessageRef(str(number))) for number in range(4)]
    lost = MailboxUnreachable("the connection was lost")
    stage.results = [lost, lost, lost]
    outcomes = await stage.mailbox.answer(answers)
    sent = [[(a.ref.item_id, a.unsure) for a in each] for each in stage.answered]
    assert sent == [
        [("0", False), ("1", False), ("2", False), ("3", False)],
        [("0", True), ("1", True)],
        [("0", True)],
        [("1", True)],
        [("2", True), ("3", True)],
    ]
    assert [each.kind for each in outcomes] == [
        OutcomeKind.RETRY,
        OutcomeKind.DONE,
        OutcomeKind.DONE,
        OutcomeKind.DONE,
    ]
    assert outcomes[0].blame is Blame.DOUBT


@pytest_twisted.ensureDeferred
async def test_answers_after_a_pause(stage: GraphStage) -> None:
    """What was given before counts; the rest is to be tried again. If nothing was, the
    error is told."""
    answers = [discard(MessageRef(str(number))) for number in range(25)]
    stage.results = [[Outcome(OutcomeKind.DONE)] * 20, MailboxBusy("wait")]
    outcomes = await stage.mailbox.answer(answers)
    assert outcomes[:20] == [Outcome(OutcomeKind.DONE)] * 20
    assert outcomes[20:] == [Outcome(OutcomeKind.RETRY, "wait")] * 5
    stage.results = [MailboxBusy("wait")]
    assert isinstance(await failure(stage.mailbox.answer(answers)), MailboxBusy)


# Keeping


@pytest_twisted.ensureDeferred
async def test_the_calendar_page_by_page(stage: GraphStage) -> None:
    """Masters and single meetings, each once, with their bodies; no occurrences."""
    for number in range(60):
        stage.invite(str(number))
    stage.invite("Daily", recurrence=SeriesRecurrence.daily(count=5))
    stage.accept()
    first, cursor = await stage.mailbox.calendar()
    assert len(first) == 50
    rest, end = await stage.mailbox.calendar(cursor)
    assert end == ""
    subjects = sorted(each.subject for each in [*first, *rest])
    assert subjects == sorted([*map(str, range(60)), "Daily"])
    assert all(TAG in each.html for each in first)
    assert all(each.accepted for each in first)
    assert [each.subject for each in [*first, *rest] if each.is_series] == ["Daily"]


@pytest_twisted.ensureDeferred
async def test_the_inbox_page_by_page(stage: GraphStage) -> None:
    """What was received before a time, oldest first and without bodies."""
    for number in range(103):
        stage.invite(str(number))
    limit = stage.sandbox.moment - timedelta(seconds=1)
    first, cursor = await stage.mailbox.inbox(limit)
    rest, end = await stage.mailbox.inbox(limit, cursor)
    assert end == ""
    assert [each.subject for each in [*first, *rest]] == [str(n) for n in range(101)]
    assert {each.kind for each in first} == {MessageKind.REQUEST}
    assert all(each.uid and not each.html for each in first)


@pytest.mark.parametrize("cursor", ["x", "1 ", "1 http://evil.test/v1.0/users/a", "-1"])
@pytest_twisted.ensureDeferred
async def test_cursors_of_lists(stage: GraphStage, cursor: str) -> None:
    """A cursor that is none of this mailbox is lost, and nothing is asked of anyone."""
    limit = stage.sandbox.moment
    assert isinstance(await failure(stage.mailbox.calendar(cursor)), CursorLost)
    assert isinstance(await failure(stage.mailbox.inbox(limit, cursor)), CursorLost)
    assert not stage.sandbox.calls


@pytest_twisted.ensureDeferred
async def test_lists_without_an_end(stage: GraphStage) -> None:
    """A page that leads to itself is named."""
    base = f"http://{stage.world.domain}/v1.0/users/{EQUIPMENT}/events"
    client: Any = stage.mailbox._keeper._calendar

    async def follow(link: str, parse: Any, **more: Any) -> Any:
        return parse(msgspec.json.encode({"value": [], "@odata.nextLink": link}))

    client.follow = follow
    error = await failure(stage.mailbox.calendar(f"7 {base}?$skip=50"))
    assert isinstance(error, MailboxUnreachable)
    assert "without an end" in error.message
    error = await failure(stage.mailbox.calendar(f"99999 {base}?$skip=50"))
    assert "without an end" in error.message


@pytest_twisted.ensureDeferred
async def test_who_answers_requests(stage: GraphStage) -> None:
    """A mailbox whose booking attendant answers is recognised by what that leaves
    behind; one that we answer is not."""
    assert await stage.mailbox.processes_automatically() is None
    meeting = stage.invite("Ours")
    stage.accept()
    stage.change(meeting, body="<p>Another</p>")
    stage.sandbox.later(minutes=10)
    stage.world.tokens.rejected("")
    assert await stage.mailbox.processes_automatically() is None
    account = stage.person.account
    stage.person.account = msgspec.structs.replace(
        account, processing=Processing.AUTO_ACCEPT
    )
    later = MEETING + timedelta(days=1)
    stage.invite("Theirs", start=later, end=later + HOUR)
    assert await stage.mailbox.processes_automatically() is None
    stage.sandbox.later(minutes=10)
    assert await stage.mailbox.processes_automatically() is True
    # What we have answered over EWS lies there as well; its meeting is known.
    asked: list[str] = []

    def is_known(uid: str) -> bool:
        asked.append(uid)
        return True

    assert await stage.mailbox.processes_automatically(is_known) is None
    page, _ = await stage.mailbox.calendar()
    assert asked == [each.uid for each in page if each.start == later]
    stage.sandbox.later(days=2)
    stage.world.tokens.rejected("")
    assert await stage.mailbox.processes_automatically() is None


@pytest_twisted.ensureDeferred
async def test_the_mailbox_of_a_person(stage: GraphStage) -> None:
    """A person's mailbox has no booking attendant; what may not be asked is unknown."""
    account = stage.person.account
    stage.person.account = msgspec.structs.replace(account, purpose="user")
    assert await stage.mailbox.processes_automatically() is False
    stage.sandbox.add(MailboxGrant("Mail.ReadWrite", (EQUIPMENT,)))
    assert await stage.mailbox.processes_automatically() is None


# The owner's stamp, the directory, and the first call


@pytest_twisted.ensureDeferred
async def test_the_stamp(stage: GraphStage) -> None:
    """It is kept at the inbox, in the property that an installation which speaks EWS
    reads and writes."""
    assert await stage.mailbox.stamp() == ""
    for text in ('{"node": "één"}', "second"):
        await stage.mailbox.leave_stamp(text)
        assert await stage.mailbox.stamp() == text
    kept = stage.person.folders["inbox"].extended
    assert kept == {f"{PROPERTY_SET}:name:{PROPERTY_NAME}": "second"}


@pytest_twisted.ensureDeferred
async def test_the_directory_does_not_tell(stage: GraphStage) -> None:
    """Nothing is asked of the directory: nobody gave us the permission."""
    assert await stage.mailbox.primary_address(ALICE) == ""
    assert await stage.mailbox.entry(ALICE) is None
    assert not stage.sandbox.calls


@pytest_twisted.ensureDeferred
async def test_check(stage: GraphStage) -> None:
    """Both folders are opened."""
    await stage.mailbox.check()
    assert stage.requests("GetMailFolder") == 2


@pytest.mark.parametrize(
    ("ask", "role", "others"),
    [
        ("check", "Mail.ReadWrite", ("Calendars.ReadWrite",)),
        ("calendar", "Calendars.ReadWrite", ("Mail.ReadWrite",)),
        ("stamp", "Mail.ReadWrite", ("Calendars.ReadWrite",)),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_missing_role(
    stage: GraphStage, ask: str, role: str, others: tuple[str, ...]
) -> None:
    """The words name the role, the command that shows what the application may do, and
    the time that an assignment takes."""
    grants = [MailboxGrant(role, (SILENT,))]
    grants += [MailboxGrant(each, (EQUIPMENT,)) for each in others]
    stage.sandbox.add(*grants)
    error = await failure(getattr(stage.mailbox, ask)())
    assert isinstance(error, MailboxRefused)
    command = "Test-ServicePrincipalAuthorization"
    line = f"{command} -Identity '{CLIENT}' -Resource '{EQUIPMENT}'"
    for words in (f"'Application {role}'", line, "up to two hours"):
        assert words in error.message


@pytest_twisted.ensureDeferred
async def test_a_mailbox_that_is_not_there(graph_world: GraphWorld) -> None:
    """A wrong address is named."""
    stage = GraphStage(graph_world)
    stage.sandbox.organisation(without_rest=(EQUIPMENT,))
    error = await failure(stage.mailbox.check())
    assert isinstance(error, MailboxRefused)
    assert EQUIPMENT in error.message
