"""Changes of the configuration, as they are remembered."""

from datetime import datetime
from typing import Annotated

import msgspec

from pexschedd.model.fields.declaration import Field, Record

CREATED, CHANGED, DELETED = "created", "changed", "deleted"

FieldValue = str | int | float | bool | None
"""A field's value as JSON has it: a time is a text, a reference the other one's id."""


class FieldChange(msgspec.Struct, frozen=True):
    """A field and its values before and after a change.

    A secret has no values here: `old` is None, and `new` one of the words of
    `history.field_changes`.
    """

    field: str
    old: FieldValue
    new: FieldValue


class ConfigurationChange(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A record that an administrator has created, changed or deleted.

    One of a record in a document is first kept in that document, where it becomes
    durable together with the change, and then in the journal, where it stays.
    """

    time: Annotated[datetime, Field(help="The time of the change.", readonly=True)]
    administrator: Annotated[
        str,
        Field(
            help="The name that signed in, with the token if it was one; "
            "`schedulingservice` for what no request asked for.",
            readonly=True,
        ),
    ]
    address: Annotated[
        str, Field(help="The IP address of the client.", readonly=True)
    ] = ""
    resource: Annotated[
        str, Field(help="The resource that the record is one of.", readonly=True)
    ]
    object_id: Annotated[int, Field(help="The id of the record.", readonly=True)]
    object_name: Annotated[
        str, Field(help="The name that the record had last.", readonly=True)
    ] = ""
    action: Annotated[
        str,
        Field(
            help="What was done with it.",
            choices=(CREATED, CHANGED, DELETED),
            readonly=True,
        ),
    ]
    changes: Annotated[
        tuple[FieldChange, ...],
        Field(
            help="The fields that have changed, each with `field`, `old` and `new`.",
            readonly=True,
        ),
    ] = ()
    correlation_id: Annotated[
        str, Field(help="The id of the request, as in the log.", readonly=True)
    ] = ""
    went_along: Annotated[bool, Field(internal=True)] = False
    """True for one of the many records that went with an integration."""
    document: Annotated[str, Field(internal=True)] = ""
    """The document that it was first kept in; empty for a change in the journal."""
    document_id: Annotated[int, Field(internal=True)] = 0
    """The id that it had there."""
