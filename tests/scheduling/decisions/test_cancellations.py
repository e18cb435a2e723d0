"""Cancellations of single meetings, before their requests and after them."""

from pexschedd.model.meeting import MessageKind
from pexschedd.scheduling.decisions.decision import AnswerTemplate
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import (
    Rooms,
    later,
    request,
    run,
    scheduled,
)


def test_cancellation_removes_the_room_and_spends_the_alias() -> None:
    """After a cancellation the room is gone and its tag is answered with deleted."""
    rooms = scheduled()
    decision = run(later(kind=MessageKind.CANCELLATION, sequence=1, tag=""), rooms)
    assert decision.action is Action.REMOVE
    rooms.apply(decision)
    assert not rooms.conferences
    assert not rooms.addresses
    assert not rooms.rows
    assert run(later(sequence=2), rooms).template is AnswerTemplate.ALIAS_DELETED


def test_cancellation_before_its_request() -> None:
    """A request that comes after its cancellation does not schedule anything."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(request(kind=MessageKind.CANCELLATION, sequence=1), rooms))
    assert run(request(), rooms).template is AnswerTemplate.ALIAS_DELETED


def test_cancellation_without_a_body_waits_for_its_request() -> None:
    """It tells no tag that could be spent: decided before its request, it would leave
    the room of a meeting that does not take place."""
    rooms = Rooms()
    rooms.book()
    cancellation = request(kind=MessageKind.CANCELLATION, sequence=1, html="", text="")
    assert run(cancellation, rooms, may_wait=True).waits
    assert run(cancellation, rooms).action is Action.REMOVE
    rooms.apply(run(request(), rooms))
    assert rooms.conferences
    rooms.apply(run(cancellation, rooms, may_wait=True))
    assert not rooms.conferences


def test_cancellation_of_an_unknown_meeting_spends_no_other_alias() -> None:
    """A foreign cancellation that quotes a used tag does not touch that room."""
    rooms = scheduled()
    rooms.apply(
        run(request(kind=MessageKind.CANCELLATION, uid="0400BB", sequence=9), rooms)
    )
    assert rooms.aliases[1].conference_deletion_time is None
