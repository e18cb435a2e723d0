"""The part of a room that says whose it is, and who may join it.

`conference` adds what the room is like.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from pexschedd.model.fields import addresses, pins
from pexschedd.model.fields.declaration import Field, Record

_NO_GUESTS = (
    "Without guests everybody is a host, and nobody would be asked to sign in: see "
    "allow_guests and host_identity_provider_group."
)


class RoomAccess(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A room's name, owner, PINs and sign-in."""

    name: Annotated[
        str,
        Field(
            label="Name",
            help="The unique name of the room.",
            min_length=1,
            max_length=250,
            unique=True,
        ),
    ]
    description: Annotated[str, Field(help="A description.", max_length=250)] = ""
    creation_time: Annotated[
        datetime | None, Field(help="When it was created.", readonly=True)
    ] = None
    tag: Annotated[
        str, Field(help="Carried into call records and policy.", max_length=250)
    ] = ""
    sync_tag: Annotated[
        str, Field(help="Set by whatever else maintains this room.", max_length=250)
    ] = ""
    service_type: Annotated[
        str,
        Field(
            help="What kind of room it is.",
            choices=(
                "conference",
                "lecture",
                "two_stage_dialing",
                "test_call",
                "media_playback",
            ),
            honoured=("lecture",),
            unsupported="Conferencing nodes are told of conferences and lectures.",
        ),
    ] = "conference"
    primary_owner_email_address: Annotated[
        str,
        Field(
            help="Whose room it is. The address with which the owner signs in to the "
            "add-in makes it a personal room; case does not count.",
            max_length=100,
            checks=(addresses.mail_address,),
        ),
    ] = ""
    pin: Annotated[
        str,
        Field(
            help="The hosts' PIN.",
            max_length=20,
            unit="digits",
            confidential=True,
            checks=(pins.pin,),
        ),
    ] = ""
    allow_guests: Annotated[
        bool, Field(help="Whether guests may join; hosts then need a PIN.")
    ] = False
    guest_pin: Annotated[
        str,
        Field(
            help="The guests' PIN.",
            max_length=20,
            unit="digits",
            confidential=True,
            checks=(pins.pin,),
        ),
    ] = ""
    vmr_origin: Annotated[
        str,
        Field(
            label="VMR origin",
            help="What made the room: VMR Scheduling for Exchange: and the name that "
            "the integration had when the organizer's last message was scheduled. "
            "Empty: an administrator did.",
            readonly=True,
        ),
    ] = ""
    is_scheduled: Annotated[bool, Field(internal=True)] = False
    """Set for a room that was made for a meeting, and whose owner is the meeting's
    organizer; rooms that earlier versions made lack it."""
    participant_limit: Annotated[
        int | None,
        Field(help="How many may be in the room.", minimum=0, maximum=1_000_000),
    ] = None

    host_identity_provider_group: Annotated[
        int | None,
        Field(
            help="Hosts sign in with one of these providers; without guests everybody "
            "is a host.",
            related="identity_provider_group",
        ),
    ] = None
    guest_identity_provider_group: Annotated[
        int | None,
        Field(
            help="Guests sign in with one of these providers; only with allow_guests.",
            related="identity_provider_group",
        ),
    ] = None
    non_idp_participants: Annotated[
        str,
        Field(
            help="What happens to devices that cannot sign in when people have to.",
            choices=("disallow_all", "allow_if_trusted"),
        ),
    ] = "disallow_all"

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the PIN fields and groups that do not go together, each with the
        problem."""
        yield from pins.contradictions(
            self.pin, self.guest_pin, allow_guests=self.allow_guests
        )
        if self.guest_identity_provider_group is not None and not self.allow_guests:
            yield "guest_identity_provider_group", _NO_GUESTS

    @property
    def has_guests(self) -> bool:
        """True if conferencing nodes are told that guests may join: they accept that
        with a host's PIN only, which rooms of earlier versions may lack."""
        return self.allow_guests and bool(self.pin)
