"""Records that stand for what the platform has: themes, groups of identity providers,
and locations.

Rooms refer to the first two, and conferencing nodes, which have the real ones, are told
their names. Groups of endpoints refer to locations.
"""

from datetime import UTC, datetime
from typing import Annotated

from pexschedd.model.fields.declaration import Field, Record

_UNKNOWN = datetime.min.replace(tzinfo=UTC)
_FROM_THE_PLATFORM = (
    "Conferencing nodes take a theme's contents from the platform, which has them from "
    "the theme's package."
)


class IvrTheme(Record, frozen=True, kw_only=True):
    """A theme of the platform: `ivr_theme` in the API."""

    name: Annotated[
        str,
        Field(
            label="Name",
            help="The theme's name on the platform, letter by letter. Conferencing "
            "nodes are told it, and drop the whole answer if they have no such theme.",
            min_length=1,
            max_length=250,
            unique=True,
        ),
    ]
    uuid: Annotated[str, Field(help="Made here.", readonly=True)] = ""
    custom_layouts: Annotated[
        str,
        Field(
            help="The layouts in the theme's package.",
            max_length=65_536,
            multiline=True,
            unsupported=_FROM_THE_PLATFORM,
        ),
    ] = ""
    pinning_configs: Annotated[
        str,
        Field(
            help="The pinning configurations in the theme's package.",
            max_length=65_536,
            multiline=True,
            unsupported=_FROM_THE_PLATFORM,
        ),
    ] = ""
    last_updated: Annotated[
        datetime, Field(help="When this record was last changed.", readonly=True)
    ] = _UNKNOWN


class IdentityProviderGroup(Record, frozen=True, kw_only=True):
    """A group of identity providers of the platform, with one of which people sign in
    before they join."""

    name: Annotated[
        str,
        Field(
            label="Name",
            help="The group's name on the platform, letter by letter. Conferencing "
            "nodes are told it, and drop the whole answer if they have no such group: "
            "the room is then closed.",
            min_length=1,
            max_length=250,
            unique=True,
        ),
    ]
    description: Annotated[str, Field(help="A description.", max_length=250)] = ""


class SystemLocation(Record, frozen=True, kw_only=True):
    """A location of the platform, for clients that put endpoints into one."""

    name: Annotated[
        str,
        Field(
            label="Name",
            help="The location's name. On the platform it says which conferencing "
            "nodes serve endpoints; here one server serves all of them.",
            min_length=1,
            max_length=250,
            unique=True,
        ),
    ]
    description: Annotated[str, Field(help="A description.", max_length=250)] = ""
