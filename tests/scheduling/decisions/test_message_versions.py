"""Versions of a message: older ones, copies, and changes within a second."""

from pexschedd.model.meeting import MessageKind, MessageRef
from pexschedd.scheduling.decisions.decision import AnswerTemplate, Decision
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import HOUR, NOW, request, run, scheduled


def test_older_update_is_discarded() -> None:
    """An update that arrives after a newer one says and changes nothing."""
    rooms = scheduled(sequence=3)
    decision = run(request(sequence=2, ref=MessageRef("late")), rooms)
    assert decision == Decision("older than what is scheduled", Action.DISCARD)
    older = request(sequence=3, changed=NOW - HOUR)
    assert run(older, rooms).action is Action.DISCARD


def test_older_cancellation_is_discarded() -> None:
    """A cancellation from before the meeting was sent again cancels nothing."""
    rooms = scheduled(sequence=3)
    decision = run(request(kind=MessageKind.CANCELLATION, sequence=2), rooms)
    assert (decision.action, decision.changes) == (Action.DISCARD, ())


def test_the_same_message_twice_gets_the_same_words() -> None:
    """A second copy of a message is answered like the first, and changes nothing."""
    rooms = scheduled()
    again = run(request(ref=MessageRef("copy")), rooms)
    assert (again.action, again.template) == (Action.ACCEPT, AnswerTemplate.NEW_SINGLE)
    assert again.changes == ()
    assert again.alias == rooms.aliases[1]


def test_a_copy_without_its_tag_is_declined() -> None:
    """It could be another text under the same version, and means no room."""
    decision = run(request(tag="", ref=MessageRef("copy")), scheduled())
    assert decision.template is AnswerTemplate.INVALID_ALIAS
    assert decision.changes == ()


def test_two_changes_within_a_second_are_two_changes() -> None:
    """Exchange tells the last change in whole seconds: what differs is an edit."""
    rooms = scheduled()
    renamed = run(request(subject="Plan B", ref=MessageRef("quick")), rooms)
    assert renamed.template is AnswerTemplate.EDITED_SINGLE
    moved = request(start=NOW + 5 * HOUR, end=NOW + 6 * HOUR)
    assert run(moved, rooms).template is AnswerTemplate.EDITED_SINGLE
