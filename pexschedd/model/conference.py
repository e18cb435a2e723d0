"""Aliases, conferences and when they may be joined.

Fields have the management API's names. A field that refers to another record holds
its id. Times are aware UTC.
"""

from datetime import datetime
from typing import Annotated

import msgspec

from pexschedd.model.fields.declaration import Field, Record, TextPattern
from pexschedd.model.room_access import RoomAccess

_dialled = TextPattern(
    r"(?:[^\s\x00-\x1f\x7f-\x9f](?:[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?)?",
    "Blanks at the beginning or the end cannot be dialled.",
)
_compared = TextPattern(
    r"(?![sS][iI][pP][sS]?:|[hH]323:|[pP][eE][xX][iI][pP]:)[^;]*",
    "An alias has no scheme, such as sip:, and no ; in it: these are taken off what is "
    "dialled before it is compared.",
)


class Vacancy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rest that a cancelled meeting, or a series that was cut short, leaves to a
    successor under the same alias; see `decisions/succession`."""

    since: datetime
    """The end of the series as it is now, or the time of the cancellation."""
    organizer: str = ""
    """Its organizer's address in lower case; empty where it was never known."""
    attendees: tuple[str, ...] = ()
    """The addresses, in lower case, that the organizer's last message was sent to."""


class ScheduledAlias(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A pair of aliases handed out to the add-in, before and after a room uses it."""

    uuid: Annotated[
        str,
        Field(
            help="The value carried in the PXPS tag.",
            min_length=1,
            max_length=36,
            unique=True,
        ),
    ]
    alias: Annotated[
        str,
        Field(
            help="The full alias: prefix, number, @ and domain.",
            min_length=1,
            max_length=250,
            checks=(_dialled, _compared),
        ),
    ]
    numeric_alias: Annotated[
        str,
        Field(
            help="The alias without domain: prefix and number.",
            min_length=1,
            max_length=250,
            checks=(_dialled, _compared),
        ),
    ]
    alias_number: Annotated[int, Field(help="The random part of the alias.", minimum=1)]
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
    room_end: Annotated[datetime | None, Field(internal=True)] = None
    """The end of the last meeting in the room, if the room was removed as past. If that
    time is still to come, the room was removed by a wrong clock and is lost, not
    deleted."""
    booked_by: Annotated[str, Field(internal=True)] = ""
    """The key of the user that it was handed out to: see `alias_release.user_key`."""
    vacancy: Annotated[Vacancy | None, Field(internal=True)] = None
    """Set while another meeting may take the alias up."""

    def is_deleted(self, now: datetime) -> bool:
        """Return True if the room has been deleted for good."""
        if self.conference_deletion_time is None:
            return False
        return self.room_end is None or self.room_end <= now


_VIEWS = (
    "one_main_zero_pips",
    "one_main_seven_pips",
    "one_main_twentyone_pips",
    "two_mains_twentyone_pips",
    "four_mains_zero_pips",
    "nine_mains_zero_pips",
    "sixteen_mains_zero_pips",
    "twentyfive_mains_zero_pips",
    "five_mains_seven_pips",
)
_NOT_TOLD = "Conferencing nodes are not told it."


class Conference(RoomAccess, frozen=True, kw_only=True, omit_defaults=True):
    """A virtual meeting room.

    Scheduling sets the name, the description and the theme; everything else is for
    administrators, and for the conferencing nodes that ask what a room is like.
    """

    ivr_theme: Annotated[
        int | None,
        Field(
            help="The theme; null is the platform's default.",
            related="ivr_theme",
            nested=True,
        ),
    ] = None
    call_type: Annotated[
        str,
        Field(help="Which media are used.", choices=("audio", "video", "video-only")),
    ] = "video"
    crypto_mode: Annotated[
        str | None,
        Field(
            help="Media encryption; null is the platform's setting.",
            choices=("besteffort", "on", "off"),
        ),
    ] = None
    max_callrate_in: Annotated[
        int | None,
        Field(
            help="What a participant may send.", minimum=128, maximum=8192, unit="kbps"
        ),
    ] = None
    max_callrate_out: Annotated[
        int | None,
        Field(
            help="What a participant is sent.", minimum=128, maximum=8192, unit="kbps"
        ),
    ] = None
    max_pixels_per_second: Annotated[
        str | None,
        Field(
            help="The best picture quality; null is the platform's setting.",
            choices=("sd", "hd", "fullhd"),
        ),
    ] = None
    host_view: Annotated[
        str | None, Field(help="The layout that hosts see.", choices=_VIEWS)
    ] = None
    guest_view: Annotated[
        str | None,
        Field(
            help="The layout that guests see in a lecture.",
            choices=_VIEWS,
        ),
    ] = None
    pinning_config: Annotated[
        str | None,
        Field(
            help="The pinning configuration of the theme, by its name.",
            max_length=250,
        ),
    ] = None
    direct_media: Annotated[
        str,
        Field(
            help="Whether two participants exchange media directly; never in a room "
            "with breakout rooms.",
            choices=("never", "best_effort", "always"),
        ),
    ] = "never"
    direct_media_notification_duration: Annotated[
        int,
        Field(
            help="How long a change of direct_media is announced.",
            minimum=0,
            maximum=30,
            unit="seconds",
        ),
    ] = 0
    breakout_rooms: Annotated[bool, Field(help="Whether it has breakout rooms.")] = (
        False
    )
    denoise_enabled: Annotated[bool, Field(help="Whether noise is removed.")] = False
    softmute_enabled: Annotated[
        bool,
        Field(
            help="Whether noise without speech is muted.",
        ),
    ] = False
    enable_active_speaker_indication: Annotated[
        bool, Field(help="Whether the speaker is marked.")
    ] = False
    enable_overlay_text: Annotated[bool, Field(help="Whether names are shown.")] = False
    enable_chat: Annotated[
        str, Field(help="Whether people may chat.", choices=("default", "yes", "no"))
    ] = "default"
    live_captions_enabled: Annotated[
        str,
        Field(help="Whether there are captions.", choices=("default", "yes", "no")),
    ] = "default"
    force_presenter_into_main: Annotated[
        bool,
        Field(
            help="Whether the presenter is kept in the main picture of a lecture.",
        ),
    ] = False
    mute_all_guests: Annotated[bool, Field(help="Whether guests are muted.")] = False
    guests_can_present: Annotated[bool, Field(help="Whether guests may present.")] = (
        True
    )
    guests_can_see_guests: Annotated[
        str,
        Field(
            help="Whether guests see each other in a lecture: without a host, never "
            "or always.",
            choices=("no_hosts", "never", "always"),
        ),
    ] = "no_hosts"

    match_string: Annotated[
        str,
        Field(
            help="Two-stage dialling: what may be dialled.",
            max_length=250,
            only_with="service_type",
        ),
    ] = ""
    replace_string: Annotated[
        str,
        Field(
            help="Two-stage dialling: what is dialled instead.",
            max_length=250,
            only_with="service_type",
        ),
    ] = ""
    post_match_string: Annotated[
        str,
        Field(
            help="Two-stage dialling: after the look-up.",
            max_length=250,
            only_with="service_type",
        ),
    ] = ""
    post_replace_string: Annotated[
        str,
        Field(
            help="Two-stage dialling: after the look-up.",
            max_length=250,
            only_with="service_type",
        ),
    ] = ""
    two_stage_dial_type: Annotated[
        str,
        Field(
            help="Two-stage dialling: to where.",
            choices=("regular", "mssip", "gms", "teams"),
            only_with="service_type",
        ),
    ] = "regular"
    gms_access_token: Annotated[
        int | None,
        Field(
            help="For Google Meet.",
            related="gms_access_token",
            unsupported=_NOT_TOLD,
        ),
    ] = None
    mssip_proxy: Annotated[
        int | None,
        Field(
            help="For Skype for Business.",
            related="mssip_proxy",
            unsupported=_NOT_TOLD,
        ),
    ] = None
    teams_proxy: Annotated[
        int | None,
        Field(
            help="For Microsoft Teams.",
            related="teams_proxy",
            unsupported=_NOT_TOLD,
        ),
    ] = None
    system_location: Annotated[
        int | None,
        Field(
            help="Where test calls go out.",
            related="system_location",
            unsupported=_NOT_TOLD,
        ),
    ] = None
    media_playlist: Annotated[
        int | None,
        Field(
            help="What is played.",
            related="media_library_playlist",
            unsupported=_NOT_TOLD,
        ),
    ] = None
    on_completion: Annotated[
        str,
        Field(
            help="What happens after playing.",
            max_length=250,
            only_with="service_type",
        ),
    ] = ""
    has_own_name: Annotated[bool, Field(internal=True)] = False
    """True once an administrator has changed the name: scheduling keeps it then."""
    has_own_description: Annotated[bool, Field(internal=True)] = False
    """The same for the description."""

    @property
    def told_direct_media(self) -> str:
        """The direct_media that conferencing nodes are told: the platform does not
        support it together with breakout rooms."""
        return "never" if self.breakout_rooms else self.direct_media


class ConferenceAlias(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An address that leads into a conference."""

    alias: Annotated[
        str,
        Field(
            help="What people dial.",
            min_length=1,
            max_length=250,
            unique=True,
            checks=(_dialled, _compared),
        ),
    ]
    conference: Annotated[
        int, Field(help="The conference it leads to.", related="conference")
    ]
    description: Annotated[str, Field(help="A description.", max_length=250)] = ""
    creation_time: Annotated[
        datetime | None, Field(help="When it was created.", readonly=True)
    ] = None
    view_order: Annotated[
        int | None, Field(help="Its place among the aliases of the room.", minimum=0)
    ] = None
