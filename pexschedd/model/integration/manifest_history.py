"""The changes that made a manifest new, by its revision. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

import msgspec

MOST_CHANGES = 50
"""Revisions that are remembered; the oldest are forgotten."""


class Difference(msgspec.Struct, frozen=True, gc=False):
    """Digests of what a manifest had of a field, and has now; "" for nothing."""

    was: str
    is_now: str


Differences = Mapping[str, Difference]
"""The differences of two manifests, by field; `icon` for the icon."""


def difference(was: object, is_now: object) -> Difference:
    """Return the difference of two values, None for nothing."""
    return Difference(_digest(was), _digest(is_now))


def _digest(value: object) -> str:
    if value is None:
        return ""
    return sha256(msgspec.json.encode(value)).hexdigest()[:12]


class ManifestChange(msgspec.Struct, frozen=True):
    """The change that led to a revision."""

    revision: int
    fields: tuple[str, ...]
    """Names of an integration's fields; `icon` for its icon."""
    differences: dict[str, Difference] = {}
    """More than the fields: one may come into the manifest, or go, by the change of
    another. Empty in records from before it was kept."""


class ManifestsInUse(msgspec.Struct, frozen=True):
    """The revisions of an integration's manifest that clients have used lately."""

    newest: int
    oldest: int
    newest_time: datetime
    """The last time that the newest was used; aware."""


class ChangedSince(msgspec.Struct, frozen=True):
    """The differences of a manifest that is in use and the current one."""

    fields: tuple[str, ...] = ()
    complete: bool = True
    """False if there were more changes, which are not remembered."""

    @property
    def nothing(self) -> bool:
        """True if the two differ in nothing but their revisions."""
        return self.complete and not self.fields


History = tuple[ManifestChange, ...]


def with_change(
    history: History, revision: int, fields: Iterable[str], differences: Differences
) -> History:
    """Return the history with one more change, which led to `revision`."""
    change = ManifestChange(revision, tuple(fields), dict(differences))
    return (*history, change)[-MOST_CHANGES:]


def changed_since(history: History, revision: int, current: int) -> ChangedSince:
    """Return what differs from `revision` in the `current` one.

    A field that was changed and changed back does not.
    """
    later = [change for change in history if revision < change.revision <= current]
    changed = dict.fromkeys(name for change in later for name in change.fields)
    known = {change.revision for change in later}
    for name in dict.fromkeys(name for each in later for name in each.differences):
        if _is_changed(name, later):
            changed.setdefault(name)
        elif all(name in each.differences for each in later if name in each.fields):
            changed.pop(name, None)
    return ChangedSince(tuple(changed), len(known) >= current - revision)


def _is_changed(name: str, changes: Iterable[ManifestChange]) -> bool:
    """Return whether a field differs after changes of which one knows it.

    One that has only come or gone with another field's change goes without saying.
    """
    known = [change for change in changes if name in change.differences]
    was, is_now = known[0].differences[name].was, known[-1].differences[name].is_now
    itself = any(name in change.fields for change in known)
    return was != is_now and (itself or bool(was and is_now))
