"""What a decision changes is named in the log by table and id alone."""

from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.scheduling.decisions.decision import (
    Delete,
    Put,
    RecordChange,
    RemoveRoom,
    changes_in_words,
)


def test_changes_in_words() -> None:
    """What is written, what goes, and which rooms go; nothing for no change."""
    room = Conference(id=3, name="Secret")
    changes: list[RecordChange] = [
        Put(tables.CONFERENCE, room),
        Delete(tables.SCHEDULED_CONFERENCE, 4),
        RemoveRoom(5),
    ]
    said = changes_in_words(changes)
    assert said == " (conference 3, no scheduled_conference 4, no conference 5)"
    assert changes_in_words([]) == ""
