"""The parts of a decision: records to write and an answer to give. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from pexschedd.errors import PexscheddError
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.fields.declaration import Record
from pexschedd.model.table import Table
from pexschedd.scheduling.ports.mailbox import Action


class Undecidable(PexscheddError):
    """The message is about a meeting but cannot be scheduled as it is."""

    code = "undecidable"


class AnswerTemplate(StrEnum):
    """The template for an answer's text, by the name of the integration's field."""

    NEW_SINGLE = "accept_new_single_meeting_template"
    EDITED_SINGLE = "accept_edited_single_meeting_template"
    NEW_SERIES = "accept_new_recurring_series_template"
    EDITED_SERIES = "accept_edited_recurring_series_template"
    EDITED_OCCURRENCE = "accept_edited_occurrence_template"
    INVALID_ALIAS = "reject_invalid_alias_id_template"
    ALIAS_CONFLICT = "reject_alias_conflict_template"
    ALIAS_DELETED = "reject_alias_deleted_template"
    SINGLE_PAST = "reject_single_meeting_past"
    SERIES_PAST = "reject_recurring_series_past_template"
    GENERAL_ERROR = "reject_general_error_template"


class Put(msgspec.Struct, frozen=True):
    """A record to add, or to replace the one with its id."""

    table: Table[Any]
    record: Record


class Delete(msgspec.Struct, frozen=True):
    """A record to delete because another one takes its place."""

    table: Table[Any]
    id: int


class RemoveRoom(msgspec.Struct, frozen=True):
    """A conference to delete, with its aliases and its schedule."""

    conference: int


RecordChange = Put | Delete | RemoveRoom


def changes_in_words(changes: Iterable[RecordChange]) -> str:
    """The changed records by their ids; follows a decision's note in the log."""
    said = []
    for change in changes:
        match change:
            case Put():
                said.append(f"{change.table.name} {change.record.id}")
            case Delete():
                said.append(f"no {change.table.name} {change.id}")
            case RemoveRoom():
                said.append(f"no conference {change.conference}")
    return f" ({', '.join(said)})" if said else ""


class Decision(msgspec.Struct, frozen=True):
    """Everything that follows from one message."""

    note: str
    """For the log; holds no subject, body or address."""
    action: Action | None = None
    """The answer to the mailbox; None leaves the message where it is."""
    template: AnswerTemplate | None = None
    """The template for the text of ACCEPT and DECLINE."""
    alias: ScheduledAlias | None = None
    """The alias that the template may name."""
    changes: tuple[RecordChange, ...] = ()
    reply: str = ""
    """HTML for the sender, where no template has the words: with the action REPLY, and
    with DECLINE when nobody could have configured them."""
    waits: bool = False
    """True if the message comes before what would have to be known: nothing follows
    from it yet, and it is to be decided about again."""
    token: str = ""
    """The identity token of a meeting that was sent without a tag. It must be verified,
    and the meeting rewritten, before anything can be answered."""


def declined(
    template: AnswerTemplate,
    note: str,
    alias: ScheduledAlias | None = None,
    changes: Iterable[RecordChange] = (),
) -> Decision:
    """Return the decision to decline a request; `note` says why."""
    return Decision(
        f"declined: {note}", Action.DECLINE, template, alias, changes=tuple(changes)
    )
