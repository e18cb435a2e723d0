"""Aliases, conferences and when they may be joined.

Fields have the management API's names. A field that refers to another record holds
its id. Times are aware UTC.
"""

from datetime import datetime
from typing import Annotated

from pexschedd.model.fields import Field, Record


class ScheduledAlias(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A pair of aliases handed out to the add-in, before and after a room uses it."""

    uuid: Annotated[
        str,
        Field(help="The value carried in the PXPS tag.", max_length=36, unique=True),
    ]
    alias: Annotated[
        str,
        Field(help="The full alias: prefix, number, @ and domain.", max_length=250),
    ]
    numeric_alias: Annotated[
        str, Field(help="The alias without domain: prefix and number.", max_length=250)
    ]
    alias_number: Annotated[
        int, Field(help="The random part of the alias.", minimum=1)
    ]
    exchange_connector: Annotated[
        int,
        Field(
            help="The integration that handed this alias out.",
            related="ms_exchange_connector",
        ),
    ]
    creation_time: Annotated[
        datetime, Field(help="When it was handed out.", readonly=True)
    ]
    is_used: Annotated[
        bool, Field(help="Whether a conference was created with this alias.")
    ] = False
    ews_item_uid: Annotated[
        str, Field(help="The only meeting that may use this alias.", max_length=255)
    ] = ""
    conference_deletion_time: Annotated[
        datetime | None,
        Field(
            help="When the conference of this alias was deleted. A meeting request "
            "that still uses the alias is declined from then on.",
            readonly=True,
        ),
    ] = None


class Conference(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A virtual meeting room. Filled in from the declared fields of the API."""

    name: Annotated[
        str,
        Field(help="The unique name of the room.", max_length=250, unique=True),
    ]
    description: Annotated[str, Field(help="A description.", max_length=250)] = ""


class ConferenceAlias(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An address that leads into a conference."""

    alias: Annotated[
        str,
        Field(help="What people dial.", min_length=1, max_length=250, unique=True),
    ]
    conference: Annotated[
        int, Field(help="The conference it leads to.", related="conference")
    ]
    description: Annotated[str, Field(help="A description.", max_length=250)] = ""
    creation_time: Annotated[
        datetime | None, Field(help="When it was created.", readonly=True)
    ] = None


class ScheduledConference(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A meeting that takes place in a conference, and when people may join.

    `start_time` and `end_time` are the join window: the meeting's times widened by
    the integration's buffers, as administrators see them.
    """

    conference: Annotated[
        int, Field(help="The room the meeting takes place in.", related="conference")
    ]
    start_time: Annotated[
        datetime, Field(help="When people may join from: join-before included.")
    ]
    end_time: Annotated[
        datetime, Field(help="When people may join until: join-after included.")
    ]
    ews_item_id: Annotated[
        str, Field(help="Exchange's id of the item; it changes.", max_length=255)
    ] = ""
    ews_item_uid: Annotated[
        str, Field(help="The meeting's id in all calendars.", max_length=255)
    ] = ""
    scheduled_alias: Annotated[
        int | None,
        Field(help="The alias that was handed out.", related="scheduled_alias"),
    ] = None
    recurring_conference: Annotated[
        int | None,
        Field(help="The series it is part of.", related="recurring_conference"),
    ] = None
    subject: Annotated[str, Field(help="The subject.", max_length=255)] = ""
    exchange_connector: Annotated[int | None, Field(internal=True)] = None
    meeting_start: Annotated[datetime | None, Field(internal=True)] = None
    meeting_end: Annotated[datetime | None, Field(internal=True)] = None
    sequence: Annotated[int, Field(internal=True)] = 0
    changed: Annotated[datetime | None, Field(internal=True)] = None
    answer: Annotated[str, Field(internal=True)] = ""
    """Which text the organizer got last; a repeated message gets the same."""
