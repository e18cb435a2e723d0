"""Lines of the audit log: what each of them says. Pure.

There are two kinds: a change of the configuration, as the history has it, and a
sign-in, of an administrator to the management API or with another account.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from pexschedd.model.configuration_change import ConfigurationChange, FieldChange

ACCEPTED, REFUSED, LOCKED_OUT = "accepted", "refused", "locked_out"
"""Outcomes of a sign-in; the last one is for attempts that were not looked at because
others had failed."""

USER, SERVICE_ACCOUNT, ROOM_SYSTEM = "user", "service_account", "room_system"
"""Kinds of accounts that are not administrators'."""

LONGEST_REASON = 500
"""Characters of a reason, which may be an identity provider's text."""
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
    """A sign-in, or several that are alike."""

    time: datetime
    """Of the last one."""
    outcome: str
    kind: str = ""
    """The kind of account; empty for an administrator."""
    administrator: str = ""
    """The name as the client has sent it; for a token, its beginning if it is refused,
    and its owner and name if it is accepted."""
    account: str = ""
    """The same for an account of another kind; empty if it is not known."""
    resource: str = ""
    object_id: int = 0
    object_name: str = ""
    """The record that the account of another kind belongs to, as far as it is known."""
    reason: str = ""
    """The reason for which it was refused, where that differs from case to case."""
    address: str = ""
    method: str
    """The method: password, token or assertion; of other accounts see
    `HeardSignIn`."""
    times: int = 1
    correlation_id: str = ""
    """Of the last one."""


class HeardSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in of an account that is no administrator's."""

    kind: str
    outcome: str
    account: str = ""
    """The name of the account, as far as it is known; never a secret."""
    method: str
    """The method: `openid` of users; `oauth` of service accounts; `basic`, `ntlm` or
    `token` of room systems."""
    resource: str = ""
    object_id: int = 0
    object_name: str = ""
    """The integration, deployment, profile or endpoint."""
    reason: str = ""
    address: str
    correlation_id: str = ""

    def entry(self, time: datetime) -> SignInEntry:
        """Return the line's content."""
        return SignInEntry(
            time=time,
            outcome=self.outcome,
            kind=self.kind,
            account=self.account[:LONGEST_NAME],
            resource=self.resource,
            object_id=self.object_id,
            object_name=self.object_name,
            reason=self.reason[:LONGEST_REASON],
            address=self.address,
            method=self.method,
            correlation_id=self.correlation_id,
        )


SignInListener = Callable[[HeardSignIn], object]
"""Hears of each sign-in of an account that is no administrator's."""


def ignore_sign_in(sign_in: HeardSignIn) -> None:
    """Take a sign-in, and do nothing with it."""


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
        sent = {
            name: getattr(entry, name).encode("utf-8", "backslashreplace").decode()
            for name in ("administrator", "account", "reason")
        }
        return msgspec.json.encode(replace(entry, **sent)) + b"\n"
