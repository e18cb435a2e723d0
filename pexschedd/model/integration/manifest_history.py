"""The changes that made a manifest new, by its revision. Pure."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

MOST_CHANGES = 50
"""Revisions that are remembered; the oldest are forgotten."""


class ManifestChange(msgspec.Struct, frozen=True, gc=False):
    """The change that led to a revision."""

    revision: int
    fields: tuple[str, ...]
    """Names of an integration's fields; `icon` for its icon."""


class ManifestsInUse(msgspec.Struct, frozen=True):
    """The revisions of an integration's manifest that clients have used lately."""

    newest: int
    oldest: int
    newest_time: datetime
    """The last time that the newest was used; aware."""


class ChangedSince(msgspec.Struct, frozen=True):
    """The changes between a manifest that is in use and the current one."""

    fields: tuple[str, ...] = ()
    complete: bool = True
    """False if there were more, which are not remembered."""


History = tuple[ManifestChange, ...]


def with_change(history: History, revision: int, fields: Iterable[str]) -> History:
    """Return the history with one more change, which led to `revision`."""
    change = ManifestChange(revision, tuple(fields))
    return (*history, change)[-MOST_CHANGES:]


def changed_since(history: History, revision: int, current: int) -> ChangedSince:
    """Return what has changed since `revision`, up to the `current` one."""
    later = [change for change in history if revision < change.revision <= current]
    names = dict.fromkeys(name for change in later for name in change.fields)
    known = {change.revision for change in later}
    return ChangedSince(tuple(names), len(known) >= current - revision)
