"""Answers in batches, over a server that follows a script: each has its own outcome."""

import pytest

from pexschedd.errors import MailboxBusy, MailboxRefused, MailboxUnreachable
from pexschedd.model.meeting import MessageRef
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    Blame,
    Outcome,
    OutcomeKind,
)
from tests.ews.ews_script import Asked, Script, doing, now, refs, working
from tests.ews.ews_support import failure, fault, item, response

DONE = Outcome(OutcomeKind.DONE)
GONE = Outcome(OutcomeKind.GONE)


def answers(**actions: Action) -> list[Answer]:
    return [Answer(MessageRef(n, "ck"), action) for n, action in actions.items()]


@pytest.mark.parametrize(
    "trouble",
    [
        fault("ErrorSchemaValidation"),
        fault("ErrorInternalServerError"),
        b"<torn",
        502,
        504,
    ],
)
def test_one_answer_does_not_make_its_batch_fail(trouble: bytes | int) -> None:
    """The others are told, after a look at whether they have been; that one is not."""

    def line(asked: Asked) -> bytes | int:
        if asked.operation == "CreateItem" and "AcceptItem c" in asked.said:
            return trouble
        if asked.operation == "GetItem":
            return response(
                "GetItem",
                *(item("MeetingRequest", i, change_key="ck") for i in asked.ids),
            )
        return doing()(asked)

    script = Script(lambda asked: working(asked, line))
    named = answers(**dict.fromkeys("abcd", Action.ACCEPT))
    found = now(script.mailbox().answer(named))
    done = OutcomeKind.DONE
    assert [each.kind for each in found] == [done, done, OutcomeKind.RETRY, done]
    own = trouble == fault("ErrorSchemaValidation")
    assert found[2].blame is (Blame.MESSAGE if own else Blame.DOUBT)
    assert sum(each.operation == "GetItem" for each in script.asked) == 4


def test_an_unsure_answer_is_looked_up_before_it_is_given() -> None:
    """What is gone was answered; what is there is answered as it is now."""
    looked = response(
        "GetItem",
        failure("GetItem", "ErrorItemNotFound"),
        item("MeetingRequest", "b", change_key="new"),
    )
    script = Script(looked, doing())
    named = [
        Answer(MessageRef(name, "ck"), Action.ACCEPT, unsure=True) for name in "ab"
    ]
    assert now(script.mailbox().answer(named)) == [GONE, DONE]
    assert [repr(each) for each in script.asked] == [
        "GetItem a b",
        "CreateItem AcceptItem b new",
    ]


def test_answers_go_into_one_request() -> None:
    """Accepts, declines and removals in their order; discards are moved after them."""
    script = Script(doing())
    outcomes = now(
        script.mailbox().answer(
            answers(
                a=Action.ACCEPT,
                b=Action.REMOVE,
                c=Action.DISCARD,
                d=Action.DECLINE,
                e=Action.DISCARD,
            )
        )
    )
    assert [repr(each) for each in script.asked] == [
        "CreateItem AcceptItem a RemoveItem b DeclineItem d",
        "MoveItem c e",
    ]
    assert script.asked[0].disposition == "SendOnly"
    assert not any(each.repeatable for each in script.asked)
    assert outcomes == [DONE] * 5


def test_answers_in_batches() -> None:
    """Batches of the given size."""
    script = Script(doing())
    named = answers(a=Action.ACCEPT, b=Action.ACCEPT, c=Action.ACCEPT)
    assert now(script.mailbox(answer_batch=2).answer(named)) == [DONE] * 3
    assert [len(each.said) for each in script.asked] == [2, 1]
    assert now(script.mailbox().answer([])) == []


def test_outcomes_in_order() -> None:
    """Each answer has its own outcome."""
    script = Script(
        doing(
            "",
            "ErrorItemNotFound",
            "ErrorCalendarIsCancelledForAccept",
            "ErrorServerBusy",
        )
    )
    found = now(
        script.mailbox().answer(
            answers(a=Action.ACCEPT, b=Action.DECLINE, c=Action.ACCEPT, d=Action.ACCEPT)
        )
    )
    assert [each.kind.value for each in found] == ["done", "gone", "failed", "retry"]
    assert found[2].reason == "TEXT (ErrorCalendarIsCancelledForAccept)"
    assert len(script.asked) == 1


def test_a_removal_without_a_meeting_moves_the_message() -> None:
    """No calendar item, or none that may be touched: the message still goes."""
    for code in ("ErrorItemNotFound", "ErrorCalendarIsOrganizerForRemove"):
        script = Script(doing("", code), doing())
        named = answers(a=Action.ACCEPT, b=Action.REMOVE)
        assert now(script.mailbox().answer(named)) == [DONE, DONE]
        assert repr(script.asked[1]) == "MoveItem b"


def test_a_removal_of_nothing_is_gone() -> None:
    """Neither calendar item nor message: it has been done before."""
    script = Script(doing("ErrorItemNotFound"), doing("ErrorItemNotFound"))
    assert now(script.mailbox().answer(answers(a=Action.REMOVE))) == [GONE]
    assert script.asked[0].disposition is None


def test_a_removal_that_minds_the_company() -> None:
    """A server that takes no removal among answers gets it alone."""
    script = Script(doing("", "ErrorInvalidArgument"), doing(), doing())
    named = answers(a=Action.ACCEPT, b=Action.REMOVE)
    assert now(script.mailbox().answer(named)) == [DONE, DONE]
    assert repr(script.asked[1]) == "CreateItem RemoveItem b"
    assert script.asked[1].disposition is None


def test_a_touched_message_is_answered_as_it_is_now() -> None:
    """A stale change key is read again, and only that answer is given again."""
    current = response("GetItem", item("MeetingRequest", "b", change_key="new"))
    script = Script(doing("", "ErrorIrresolvableConflict"), current, doing())
    named = answers(a=Action.ACCEPT, b=Action.DECLINE)
    assert now(script.mailbox().answer(named)) == [DONE, DONE]
    assert [repr(each) for each in script.asked] == [
        "CreateItem AcceptItem a DeclineItem b",
        "GetItem b",
        "CreateItem DeclineItem b new",
    ]


def test_a_touched_message_that_is_gone() -> None:
    """When it cannot be read any more, it was answered or taken away."""
    script = Script(
        doing("ErrorStaleObject"),
        response("GetItem", failure("GetItem", "ErrorItemNotFound")),
    )
    assert now(script.mailbox().answer(answers(a=Action.ACCEPT))) == [GONE]


def test_busy_with_everything() -> None:
    """When nothing was done for all answers alike, the whole call says so."""
    for code, error in (
        ("ErrorServerBusy", MailboxBusy),
        ("ErrorAccessDenied", MailboxRefused),
    ):
        script = Script(doing(code, code))
        named = answers(a=Action.ACCEPT, b=Action.REMOVE)
        with pytest.raises(error):
            now(script.mailbox().answer(named))


def test_passing_trouble_is_each_answers_own() -> None:
    """One answer that the server stumbles over does not stop the others for long."""
    script = Script(doing("ErrorInternalServerError"))
    (outcome,) = now(script.mailbox().answer(answers(a=Action.ACCEPT)))
    assert outcome.kind is OutcomeKind.RETRY


def test_a_failure_after_the_first_batch() -> None:
    """What was done is told; the rest is to be tried again."""
    lost = ConnectionFailure(FailureKind.LOST)
    script = Script(doing(), lost)
    named = answers(a=Action.ACCEPT, b=Action.ACCEPT, c=Action.ACCEPT)
    found = now(script.mailbox(answer_batch=1).answer(named))
    assert [each.kind.value for each in found] == ["done", "retry", "retry"]
    assert "closed the connection" in found[1].reason
    with pytest.raises(MailboxUnreachable):
        now(Script(lost).mailbox().answer(named))


def test_a_failure_in_the_second_round() -> None:
    """Answers that were given stay given; only what is open is tried again."""
    lost = ConnectionFailure(FailureKind.LOST)
    script = Script(doing("", "ErrorItemNotFound"), lost)
    named = answers(a=Action.ACCEPT, b=Action.REMOVE, c=Action.DISCARD)
    found = now(script.mailbox().answer(named))
    assert [each.kind.value for each in found] == ["done", "retry", "retry"]


def test_discards_alone() -> None:
    """Only moves; a lost connection there is an error like any other."""
    script = Script(doing("", "ErrorItemNotFound"))
    named = answers(a=Action.DISCARD, b=Action.DISCARD)
    assert now(script.mailbox().answer(named)) == [DONE, GONE]
    with pytest.raises(MailboxUnreachable):
        now(Script(ConnectionFailure(FailureKind.LOST)).mailbox().answer(named))


def test_wrong_number_of_outcomes() -> None:
    """An answer that lost outcomes leaves the fate of all unknown."""
    script = Script(response("CreateItem"))
    with pytest.raises(MailboxUnreachable):
        now(script.mailbox().answer(answers(a=Action.ACCEPT, b=Action.ACCEPT)))


def test_a_reply_that_was_sent_is_not_sent_again() -> None:
    """Its message could not be moved: that is all that is left to do."""
    script = Script(doing(), doing("ErrorServerBusy"))
    answer = Answer(refs("r")[0], Action.REPLY, "<p>x</p>")
    (outcome,) = now(script.mailbox().answer([answer]))
    assert (outcome.kind, outcome.remaining) == (OutcomeKind.RETRY, Action.DISCARD)
    script = Script(doing("ErrorServerBusy"))
    with pytest.raises(MailboxBusy):
        now(script.mailbox().answer([answer]))
