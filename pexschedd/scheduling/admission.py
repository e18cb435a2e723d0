"""May this room be joined now? Answered from memory, for the conferencing nodes."""

from datetime import datetime

import msgspec

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.conference import Conference, ScheduledConference
from pexschedd.scheduling.aliases import normalise
from pexschedd.store.store import Store


class Open(msgspec.Struct, frozen=True):
    """The room may be joined."""

    conference: Conference


class Closed(msgspec.Struct, frozen=True):
    """The alias is ours, but nobody may join now; `reason` says when that changes."""

    reason: str
    opens: datetime | None = None


Verdict = Open | Closed | None
"""None: the alias is not ours."""


class Admission:
    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now

    def ask(self, dialled: str) -> Verdict:
        """`dialled` as a node sends it: any case, with or without `sip:`."""
        text = normalise(dialled)
        alias = self._store.find(tables.ALIAS_BY_TEXT, text)
        if alias is None:
            return self._without_schedule(text)
        conference = self._store.get(tables.CONFERENCE, alias.conference)
        if conference is None:
            return None
        meetings = self._store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference.id)
        if not meetings:
            # A room that was made for a meeting does not outlive its schedule.
            return self._without_schedule(text) or Open(conference)
        return verdict(conference, meetings, self._now())

    def _without_schedule(self, text: str) -> Closed | None:
        """What there is to say about an alias that was handed out for a meeting."""
        numeric = text.partition("@")[0]
        booked = self._store.find(tables.SCHEDULED_ALIAS_BY_NUMERIC, numeric)
        if booked is None or text not in (
            booked.alias.casefold(),
            booked.numeric_alias.casefold(),
        ):
            return None
        if booked.conference_deletion_time is not None:
            return Closed("This meeting is over or was cancelled.")
        return Closed("No meeting is scheduled with this alias.")


def verdict(
    conference: Conference, meetings: list[ScheduledConference], now: datetime
) -> Open | Closed:
    """Whether `now` is inside one of the meetings' windows."""
    if any(m.start_time <= now < m.end_time for m in meetings):
        return Open(conference)
    opens = min((m.start_time for m in meetings if m.start_time > now), default=None)
    if opens is None:
        return Closed("This meeting is over.")
    return Closed(f"This meeting opens at {opens:%Y-%m-%d %H:%M} UTC.", opens)
