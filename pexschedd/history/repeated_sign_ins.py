"""Sign-ins that are alike, which become one line of the audit log. Pure.

Scripts sign in with each request, and guessing goes on for hours. The first one is
written at once. Those that follow are counted, and the count is written when the time
is over, or, of those that were accepted, when one is refused: the next one that is
accepted is written at once then.
"""

from collections import OrderedDict

import msgspec
from msgspec.structs import replace

from pexschedd.history.audit_entries import (
    ACCEPTED,
    LOCKED_OUT,
    REFUSED,
    ROOM_SYSTEM,
    SignInEntry,
)
from pexschedd.util.client_network import network_of

ACCEPTED_SECONDS = 3600.0
OTHER_SECONDS = 60.0
"""Seconds for which sign-ins that are alike are counted only."""

MOST = 2_000
"""Kinds that are counted at the same time; beyond, the oldest is written early."""


class _Counted(msgspec.Struct):
    until: float
    last: SignInEntry
    times: int = 0


class RepeatedSignIns:
    """The sign-ins of the last minutes, by what they have in common."""

    def __init__(self, most: int = MOST) -> None:
        """`most` is the number of kinds that are counted at the same time."""
        self._most = most
        self._counted: OrderedDict[tuple[str, ...], _Counted] = OrderedDict()

    def take(self, entry: SignInEntry, seconds: float) -> list[SignInEntry]:
        """Count one at the time `seconds`; return what is to be written now."""
        key = _key(entry)
        found = self._counted.get(key)
        if found is not None and seconds < found.until:
            found.last = entry
            found.times += 1
            return []
        ended = [] if found is None else self._end(key)
        if entry.outcome == REFUSED:
            # What is accepted after that may be what somebody has guessed.
            ended += self._end(_key(replace(entry, outcome=ACCEPTED, reason="")))
        pause = ACCEPTED_SECONDS if entry.outcome == ACCEPTED else OTHER_SECONDS
        self._counted[key] = _Counted(seconds + pause, entry)
        if len(self._counted) > self._most:
            ended += self._end(next(iter(self._counted)))
        return [*ended, entry]

    def due(self, seconds: float) -> list[SignInEntry]:
        """Return the counts whose time is over."""
        keys = [key for key, each in self._counted.items() if each.until <= seconds]
        return [entry for key in keys for entry in self._end(key)]

    def all(self) -> list[SignInEntry]:
        """Return all counts, and begin anew."""
        return [entry for key in [*self._counted] for entry in self._end(key)]

    def _end(self, key: tuple[str, ...]) -> list[SignInEntry]:
        ended = self._counted.pop(key, None)
        if ended is None or not ended.times:
            return []
        return [replace(ended.last, times=ended.times)]


def _key(entry: SignInEntry) -> tuple[str, ...]:
    if entry.outcome == LOCKED_OUT:
        # These cost a client nothing: it may send as many names as it likes.
        return entry.outcome, entry.kind, network_of(entry.address)
    return (
        entry.outcome,
        entry.kind,
        entry.address,
        entry.method,
        entry.administrator or entry.account,
        entry.reason,
        *_record(entry),
    )


def _record(entry: SignInEntry) -> tuple[str, ...]:
    """The record that an account belongs to. That of a room system is known by its name
    alone, and to none but those that sign in."""
    if entry.kind == ROOM_SYSTEM:
        return ()
    return entry.resource, str(entry.object_id)
