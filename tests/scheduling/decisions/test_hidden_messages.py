"""Hidden messages, among the deleted items: decided where there is a room."""

from typing import Any

import msgspec
import pytest

from pexschedd.model.meeting import MessageKind, Person
from pexschedd.scheduling.decisions.decision import Decision
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import (
    OTHER_TAG,
    Rooms,
    later,
    request,
    run,
    scheduled,
)

HIDDEN: list[tuple[str, dict[str, Any], Action | None]] = [
    ("an update of ours", {}, Action.ACCEPT),
    ("an update that takes its tag away", {"tag": ""}, Action.DECLINE),
    (
        "a cancellation of ours",
        {"kind": MessageKind.CANCELLATION, "tag": ""},
        Action.REMOVE,
    ),
    (
        "a colleague's of ours",
        {"organizer": Person("Eve", "eve@example.test")},
        Action.REPLY,
    ),
    ("without a tag", {"uid": "0400AA", "tag": ""}, None),
    ("with an unknown tag", {"uid": "0400AA", "tag": OTHER_TAG}, None),
    (
        "a cancellation of another meeting",
        {"uid": "0400AA", "kind": MessageKind.CANCELLATION, "tag": ""},
        None,
    ),
    ("without a meeting", {"uid": "", "tag": ""}, None),
    ("mail", {"kind": MessageKind.OTHER}, None),
]


@pytest.mark.parametrize(
    ("sent", "action"), [row[1:] for row in HIDDEN], ids=[row[0] for row in HIDDEN]
)
def test_hidden_messages_count_where_there_is_a_room(
    sent: dict[str, Any], action: Action | None
) -> None:
    """Among the deleted items a message of a known meeting is decided like any other,
    that of a meeting without a room is not ours; in the inbox it would be answered."""
    rooms = scheduled()
    message = later(sequence=1, **sent)
    found = run(msgspec.structs.replace(message, hidden=True), rooms)
    assert found.action is action
    if action is None:
        assert found.changes == ()
    else:
        # The ids of new records apart, it makes no difference where it was found.
        assert found.template == run(message, rooms).template


def test_a_hidden_request_with_a_tag_of_ours_is_scheduled() -> None:
    """A meeting that got its room by an update which Exchange hides."""
    rooms = Rooms()
    rooms.book()
    assert run(request(hidden=True), rooms).action is Action.ACCEPT
    rooms.aliases[1] = msgspec.structs.replace(rooms.aliases[1], exchange_connector=2)
    assert run(request(hidden=True), rooms) == Decision(
        "hidden, and about no meeting of ours"
    )
