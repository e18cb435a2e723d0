"""The equipment mailbox over Graph: answering, keeping, and the first call."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import CursorLost, MailboxBusy, MailboxRefused, MailboxUnreachable
from pexschedd.exchange.owner_stamp import PROPERTY_NAME, PROPERTY_SET
from pexschedd.model.meeting import MessageKind, MessageRef
from pexschedd.sandbox import Processing, SeriesRecurrence
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from pexschedd.scheduling.ports.mailbox import Blame, Outcome, OutcomeKind
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
