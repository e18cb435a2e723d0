"""The software of an endpoint: its version, and how it takes bookings. Pure."""

import re
from enum import StrEnum

import msgspec

_VERSION = re.compile(r"(?<![0-9])([0-9]{1,3})\.([0-9]{1,3})")
_LONGEST = 100

_COMMAND_FOR_ALL = (11, 14)
"""Before, the command was for endpoints in the vendor's cloud, or linked to it."""
_COMMAND = (9, 14)
_PLATFORMS = (10, 19)
_NONE = (11, 24)


class Way(StrEnum):
    """A way of bringing bookings to an endpoint."""

    COMMAND = "command"
    """`Bookings Put`, with all meetings."""
    COMMAND_JOINABLE = "command_joinable"
    """The same, without the meetings that have nothing to dial."""
    DOCUMENT = "document"
    """`/bookingsputxml`."""


class Software(msgspec.Struct, frozen=True):
    """The software that an endpoint runs, as far as its answer told."""

    version: str = ""
    """The version as the endpoint names it; empty if it did not."""
    is_in_cloud: bool = False
    """True if it is registered in the vendor's cloud."""

    @property
    def number(self) -> tuple[int, int] | None:
        """The version as numbers; None if it has none."""
        found = _VERSION.search(self.version)
        return (int(found[1]), int(found[2])) if found else None

    @property
    def knows_platforms(self) -> bool:
        """True if a booking may name the service of its meeting."""
        return (self.number or _PLATFORMS) >= _PLATFORMS

    @property
    def knows_none(self) -> bool:
        """True if a booking may say that there is nothing to dial."""
        return (self.number or (0, 0)) >= _NONE

    @property
    def asks_for_cloud(self) -> bool:
        """True if it matters whether the endpoint is in the cloud."""
        return _COMMAND <= (self.number or (0, 0)) < _COMMAND_FOR_ALL


def version_text(text: str) -> str:
    """Return the version for people and for comparing: one line, not too long."""
    return " ".join(text.split())[:_LONGEST]


def ways_of(software: Software, proved: str = "") -> tuple[Way, ...]:
    """Return all ways, the one first that is most likely to work.

    `proved` is the way that worked for this version before, or empty.
    """
    command = [Way.COMMAND, Way.COMMAND_JOINABLE]
    number = software.number
    takes_command = number is None or number >= _COMMAND_FOR_ALL
    if takes_command or (software.asks_for_cloud and software.is_in_cloud):
        ways = [*command, Way.DOCUMENT]
    else:
        ways = [Way.DOCUMENT, *command]
    return tuple(sorted(ways, key=lambda way: way != proved))
