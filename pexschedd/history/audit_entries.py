"""Lines of the audit log: what each of them says. Pure.

There are two kinds: a change of the configuration, as the history has it, and a sign-in
to the management API.
"""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from pexschedd.model.configuration_change import ConfigurationChange, FieldChange

ACCEPTED, REFUSED, LOCKED_OUT = "accepted", "refused", "locked_out"
"""Outcomes of a sign-in; the last one is for attempts that were not looked at because
others had failed."""

LONGEST_NAME = 250
"""Characters of a name that a client has sent."""


class ChangeEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of the configuration; values of secrets are never part of it."""

    time: datetime
    number: int
    """The id of the change in the history."""
    administrator: str
    address: str = ""
    action: str
    resource: str
    object_id: int
    object_name: str = ""
    changes: tuple[FieldChange, ...] = ()
    correlation_id: str = ""


class SignInEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sign-in to the management API, or several that are alike."""

    time: datetime
    """Of the last one."""
    outcome: str
    administrator: str
    """The name as the client has sent it; for a token, its beginning if it is refused,
    and its owner and name if it is accepted."""
    address: str = ""
    method: str
    """The method: password, token or assertion."""
    times: int = 1
    correlation_id: str = ""
    """Of the last one."""


class ChangeKey(msgspec.Struct, frozen=True):
    """The part of a line that tells which change it is of.

    The number alone does not: a state folder that is restored gives its numbers again.
    """

    number: int
    time: datetime


def change_entry(change: ConfigurationChange) -> ChangeEntry:
    """Return the line's content for a change of the history."""
    return ChangeEntry(
        time=change.time,
        number=change.id,
        administrator=change.administrator,
        address=change.address,
        action=change.action,
        resource=change.resource,
        object_id=change.object_id,
        object_name=change.object_name,
        changes=change.changes,
        correlation_id=change.correlation_id,
    )


def sign_in_entry(
    time: datetime,
    outcome: str,
    administrator: str,
    address: str,
    method: str,
    correlation_id: str = "",
) -> SignInEntry:
    """Return the line's content for a sign-in."""
    return SignInEntry(
        time=time,
        outcome=outcome,
        administrator=administrator[:LONGEST_NAME],
        address=address,
        method=method,
        correlation_id=correlation_id,
    )


def key_of(line: bytes) -> ChangeKey | None:
    """Return which change a line is of; None for a line that is of none."""
    try:
        return msgspec.json.decode(line, type=ChangeKey)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def encode_line(entry: ChangeEntry | SignInEntry) -> bytes:
    """Return a line with its newline."""
    try:
        return msgspec.json.encode(entry) + b"\n"
    except UnicodeEncodeError:
        # A lone surrogate, from a name on the network, has no UTF-8.
        if isinstance(entry, ChangeEntry):
            raise
        name = entry.administrator.encode("utf-8", "backslashreplace").decode()
        return msgspec.json.encode(replace(entry, administrator=name)) + b"\n"
