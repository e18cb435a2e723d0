"""The administrators' accounts, and the roles that say what they may do."""

from datetime import datetime
from enum import IntEnum
from typing import Annotated

import msgspec

from pexschedd.model.fields.declaration import Field, Record, TextPattern

MIN_PASSWORD = 8
MAX_PASSWORD = 1024
"""Characters."""


class RoleLevel(IntEnum):
    """The roles, each of which may do all that the ones before it may do.

    The numbers are the ids of their records.
    """

    READ_ONLY = 1
    HELP_DESK = 2
    FULL = 3


class AdministratorRole(Record, frozen=True, kw_only=True):
    """A role, as administrators see it. There are no other ones than `ROLES`."""

    name: Annotated[str, Field(help="The name of the role.", readonly=True)]
    description: Annotated[str, Field(help="What it may do.", readonly=True)]


ROLES = (
    AdministratorRole(
        id=RoleLevel.READ_ONLY,
        name="Read-only",
        description="Reads everything but PINs and the accounts of administrators.",
    ),
    AdministratorRole(
        id=RoleLevel.HELP_DESK,
        name="Help desk",
        description="Also sees PINs, and changes conferences, their aliases and users.",
    ),
    AdministratorRole(
        id=RoleLevel.FULL,
        name="Full",
        description="Reads and changes everything, and looks after the accounts.",
    ),
)


def role_name(level: RoleLevel) -> str:
    """Return the name of a role."""
    return ROLES[level - 1].name


_sendable = TextPattern(r"[^:\x00-\x1f\x7f-\x9f]*", "A name has no colon.")
"""RFC 7617, section 2: the first colon ends the name."""


class Administrator(Record, frozen=True, kw_only=True):
    """An administrator's account, which signs in with a name and a password."""

    name: Annotated[
        str,
        Field(
            help="The name to sign in with; case counts.",
            min_length=1,
            max_length=100,
            unique=True,
            checks=(_sendable,),
        ),
    ]
    password: Annotated[
        str,
        Field(
            help="The password to sign in with. A new one counts at once.",
            min_length=MIN_PASSWORD,
            max_length=MAX_PASSWORD,
            secret=True,
            hashed=True,
        ),
    ] = msgspec.field(name="password_hash")
    """scrypt, with its parameters and salt: `scrypt$n$r$p$salt$hash`, base64."""
    role: Annotated[
        int,
        Field(
            help="What the administrator may do. The last one with the role Full "
            "keeps it.",
            related="role",
        ),
    ]
    created: Annotated[
        datetime, Field(help="The time at which the account was made.", readonly=True)
    ]
    known_addresses: Annotated[tuple[str, ...], Field(internal=True)] = ()
    """Keyed digests of the addresses from which the administrator has signed in, the
    last one at the end; see `identity.known_addresses`."""

    @property
    def level(self) -> RoleLevel:
        """The role that the administrator has."""
        return RoleLevel(self.role)
