"""A trial against the sandbox over a socket, with both possible answers; whatever
happens, nothing is left behind."""

from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.doctor.trial.questions import TRIED
from pexschedd.doctor.trial.trial_report import TrialStatus
from pexschedd.sandbox import Processing
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from tests.doctor.trial.trial_support import MARK, TrialWorld, answers
from tests.sandbox.graph.graph_support import ALICE, EQUIPMENT, HOUR, MEETING

DELETED_EVENT = f"deleteditems: pexschedd trial {MARK}"
"""The event that the trial itself has deleted as an attendee, once."""


def nothing_left(world: TrialWorld) -> bool:
    """True if the equipment mailbox and Alice's calendar have nothing of a trial."""
    mailbox = [each for each in world.left(EQUIPMENT) if each != DELETED_EVENT]
    calendar = [e for e in world.left(ALICE) if e.startswith("calendar:")]
    return not mailbox and not calendar


@pytest_twisted.ensureDeferred
async def test_everything_as_expected(trial_world: TrialWorld) -> None:
    """By the sandbox's default settings all questions are answered, as expected."""
    report = await trial_world.trial()
    found = answers(report)
    assert [each.question for each in report.answers] == [q.name for q in TRIED]
    assert {status for status, _ in found.values()} == {"expected", "told"}
    assert report.is_complete
    assert found["comment_html"][1] == "Plain text: the tags are shown."
    assert found["hidden"][1].startswith("Yes: in Deleted Items")
    assert found["after_accept"][1] == "It is in the inbox."
    assert found["missing_event"][1] == "It was there at the first look."
    assert "with the date 2026-12-21" in found["orphan_uid"][1]
    assert nothing_left(trial_world)


@pytest_twisted.ensureDeferred
async def test_no_mails_of_body_changes(trial_world: TrialWorld) -> None:
    """A change of the body that is not mailed is told, and that isDraft says so."""
    trial_world.sandbox.organisation(body_change_mails=False)
    found = answers(await trial_world.trial())
    assert found["body_change"] == ("different", "No.")
    assert found["draft"][0] == "expected"
    assert found["draft"][1] == "It is true, and the change was not mailed."
    assert found["resent_attendees"][0] == "expected"
    assert found["hidden"][1].startswith("Yes: in Deleted Items")
    assert nothing_left(trial_world)


@pytest.mark.parametrize("form", ["null", "empty"])
@pytest_twisted.ensureDeferred
async def test_late_event(trial_world: TrialWorld, form: Any) -> None:
    """The time until the event exists is measured, and what stands for none."""
    trial_world.sandbox.organisation(attendant_delay_s=7, missing_event=form)
    found = answers(await trial_world.trial())
    assert found["event_delay"] == ("expected", "8 s.")
    shown = {"null": "`null`", "empty": "`{}`"}[form]
    assert found["missing_event"] == ("told", shown)
    # The attendant comes after the message has arrived, and takes it away then.
    assert found["hidden"][1].startswith("Yes: in Deleted Items, after 8 s")
    assert nothing_left(trial_world)


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("deleted-items", "It is in Deleted Items"),
        ("gone", "It is gone"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_fate_of_the_request(
    trial_world: TrialWorld, fate: Any, words: str
) -> None:
    """The trial tells the fate of a request whose event was answered."""
    trial_world.sandbox.organisation(answered_request=fate)
    report = await trial_world.trial()
    assert answers(report)["after_accept"][1].startswith(words)
    assert report.is_complete
    assert nothing_left(trial_world)


@pytest_twisted.ensureDeferred
async def test_visible_updates(trial_world: TrialWorld) -> None:
    """Where the organisation shows changes of the body, they are in the inbox."""
    trial_world.sandbox.organisation(visible_updates="Location,Body")
    found = answers(await trial_world.trial())
    assert found["hidden"][1].startswith("No: in the inbox")


@pytest_twisted.ensureDeferred
async def test_no_soft_deletion(trial_world: TrialWorld) -> None:
    """Where neither soft deletion nor permanentDelete is there, that is told, and all
    is removed all the same."""
    trial_world.sandbox.organisation(recoverable_items=False, permanent_delete=False)
    report = await trial_world.trial()
    status, words = answers(report)["soft_deletion"]
    assert status == "different"
    assert words.startswith("No. Graph refuses (HTTP ")
    assert report.left_behind == ()
    folders = {each.partition(":")[0] for each in trial_world.left(EQUIPMENT)}
    assert folders <= {"deleteditems"}


@pytest_twisted.ensureDeferred
async def test_refused_queries(trial_world: TrialWorld) -> None:
    """A delta query that takes no $expand, and a batch that takes no mail."""
    trial_world.sandbox.behaviour.configure(
        {
            "faults": [
                {"kind": "graph-BadRequest", "operation": "GraphDeltaMessages"},
                {"kind": "graph-BadRequest", "operation": "GraphSendMail"},
            ]
        }
    )
    found = answers(await trial_world.trial())
    assert found["delta_expand"][0] == "different"
    assert found["link_address"][0] == "expected"
    assert found["mail_in_batch"][0] == "different"
    assert found["message_id"] == ("expected", "Yes.")
    assert nothing_left(trial_world)


@pytest_twisted.ensureDeferred
async def test_without_processing(trial_world: TrialWorld) -> None:
    """A mailbox without processing has no events: what needs one stays open, with the
    reason; what does not is answered."""
    box = trial_world.sandbox.exchange.mailbox(EQUIPMENT)
    box.account = msgspec.structs.replace(box.account, processing=Processing.NONE)
    report = await trial_world.trial()
    found = answers(report)
    assert found["event_delay"][0] == "different"
    assert "AutoUpdate" in found["event_delay"][1]
    assert found["comment_html"] == ("open", "The request had no event.")
    assert found["body_change"][1].startswith("Yes: in the inbox")
    assert not report.is_complete
    assert nothing_left(trial_world)


@pytest_twisted.ensureDeferred
async def test_no_permission_for_the_user(trial_world: TrialWorld) -> None:
    """Without the role for the user's calendar nothing is made, and the role named."""
    roles = ("Mail.ReadWrite", "Calendars.ReadWrite", "Mail.Send")
    trial_world.sandbox.add(*(MailboxGrant(r, (EQUIPMENT,)) for r in roles))
    report = await trial_world.trial()
    assert f"the calendar of {ALICE}" in report.ended
    assert "Application Calendars.ReadWrite" in report.ended
    assert {each.status for each in report.answers} == {TrialStatus.OPEN}
    assert "GraphCreateEvent" not in trial_world.sandbox.calls


@pytest_twisted.ensureDeferred
async def test_unknown_user(trial_world: TrialWorld) -> None:
    """A user who is not there is named."""
    report = await trial_world.trial(user="nobody@example.test")
    assert "nobody@example.test" in report.ended
    assert "GraphCreateEvent" not in trial_world.sandbox.calls


@pytest_twisted.ensureDeferred
async def test_no_message_comes(trial_world: TrialWorld) -> None:
    """If no request arrives the trial ends after a minute, and cleans up."""
    trial_world.sandbox.exchange.hold(EQUIPMENT)
    report = await trial_world.trial()
    assert report.ended.startswith(f"No request came to {EQUIPMENT}")
    assert 60 <= trial_world.passing.seconds() <= 130
    assert [e for e in trial_world.left(ALICE) if e.startswith("calendar:")] == []


@pytest.mark.parametrize("moment", [5.0, 40.0, 60.0, 80.0])
@pytest_twisted.ensureDeferred
async def test_stopped_in_the_middle(trial_world: TrialWorld, moment: float) -> None:
    """A tool that goes away ends the trial at once, and it cleans up."""
    trial_world.sandbox.organisation(attendant_delay_s=6)

    def before(now: float) -> None:
        if now >= moment:
            trial_world.stop.set()

    trial_world.passing.before = before
    report = await trial_world.trial()
    assert report.ended == "It was stopped while it waited."
    assert nothing_left(trial_world)


@pytest.mark.parametrize(
    "operation",
    [
        "GraphCreateEvent",
        "GraphUpdateEvent",
        "GraphAcceptEvent",
        "GraphCancelEvent",
        "GraphMoveMessage",
    ],
)
@pytest_twisted.ensureDeferred
async def test_lost_connection(trial_world: TrialWorld, operation: str) -> None:
    """A lost connection ends the trial, which cleans up: it may have been done."""
    fault = {"kind": "reset", "operation": operation, "after": True}

    def before(_: float) -> None:
        # Not before the meeting is made: events that are not there are changed first.
        trial_world.sandbox.behaviour.configure({"faults": [fault]})
        trial_world.passing.before = lambda _: None

    trial_world.passing.before = before
    if operation in ("GraphCreateEvent", "GraphAcceptEvent"):
        # Until it is accepted nothing is waited for.
        before(0.0)
    report = await trial_world.trial()
    assert "127.0.0.1" in report.ended
    assert nothing_left(trial_world)


@pytest_twisted.ensureDeferred
async def test_throttled(trial_world: TrialWorld) -> None:
    """A pause that Graph asks for is kept."""
    fault = {
        "kind": "http-429",
        "operation": "GraphAcceptEvent",
        "retry_after_s": 17,
        "times": 2,
    }
    before = await trial_world.trial(mark="11111111")
    took = trial_world.passing.seconds()
    assert before.is_complete
    trial_world.sandbox.behaviour.configure({"faults": [fault]})
    assert (await trial_world.trial()).is_complete
    assert trial_world.passing.seconds() - took == took + 2 * 17


@pytest_twisted.ensureDeferred
async def test_what_an_earlier_trial_left(trial_world: TrialWorld) -> None:
    """What a killed trial has left is removed by the next one; a meeting that merely
    begins alike is not."""
    exchange = trial_world.sandbox.exchange
    for subject in ("pexschedd trial deadbeef", "pexschedd trial of the new room"):
        exchange.schedule(
            ALICE,
            subject=subject,
            body="<p>x</p>",
            start=MEETING,
            end=MEETING + HOUR,
            required=[EQUIPMENT],
        )
    assert (await trial_world.trial()).is_complete
    left = trial_world.left(ALICE, EQUIPMENT)
    assert not [e for e in left if "deadbeef" in e and e.startswith("calendar")]
    assert not [e for e in trial_world.left(EQUIPMENT) if "deadbeef" in e]
    assert "calendar: pexschedd trial of the new room" in trial_world.left(ALICE)
    assert "inbox: pexschedd trial of the new room" in trial_world.left(EQUIPMENT)


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_removed(trial_world: TrialWorld) -> None:
    """What cannot be removed is told, and the trial is not complete."""
    fault = {"kind": "ErrorAccessDenied", "times": None, "mailbox": ALICE}
    trial_world.sandbox.behaviour.configure(
        {"faults": [{**fault, "operation": "GraphDeleteEvent"}]}
    )
    report = await trial_world.trial()
    assert any(f"calendar of {ALICE}" in each for each in report.left_behind)
    assert not report.is_complete


@pytest_twisted.ensureDeferred
async def test_endless_throttling(trial_world: TrialWorld) -> None:
    """A server that asks for pauses for ever does not keep the trial from ending."""
    fault = {
        "kind": "http-429",
        "operation": "GraphListMessages",
        "retry_after_s": 100_000,
        "times": None,
    }
    trial_world.sandbox.behaviour.configure({"faults": [fault]})
    report = await trial_world.trial()
    assert trial_world.passing.seconds() < 900
    assert any(f"messages in {EQUIPMENT}" in each for each in report.left_behind)
    assert [e for e in trial_world.left(ALICE) if e.startswith("calendar:")] == []


@pytest_twisted.ensureDeferred
async def test_it_ends_in_time(trial_world: TrialWorld) -> None:
    """However slowly everything happens, the trial ends and cleans up."""
    trial_world.sandbox.organisation(attendant_delay_s=55, body_change_mails=False)
    report = await trial_world.trial()
    assert trial_world.passing.seconds() < 600
    assert nothing_left(trial_world)
    assert report.left_behind == ()
