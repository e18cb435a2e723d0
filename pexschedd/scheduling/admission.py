"""Admission to rooms: whether a dialled alias may be joined now.

Conferencing nodes ask this for each caller and wait for seconds at most, so it is
answered from the daemon's own records: Exchange is not asked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.model.platform.names import IvrTheme
from pexschedd.model.schedule import RecurringConference, ScheduledConference
from pexschedd.scheduling.decisions.aliases import normalise
from pexschedd.scheduling.records.lookup import handed_out_alias
from pexschedd.scheduling.recurrence.series_dates import open_windows
from pexschedd.scheduling.recurrence.timezone_rules import UnknownZone
from pexschedd.store.store import Store

_log = Logger()


class Open(msgspec.Struct, frozen=True):
    """The room may be joined, by people who sign in where it says so.

    The names are those of the platform, which conferencing nodes know.
    """

    conference: Conference
    theme: str = ""
    """The name of the room's theme; empty: the platform's default."""
    host_group: str = ""
    """The name of the group of identity providers, with one of which hosts sign in
    first; empty: they need not."""
    guest_group: str = ""
    """The same for guests."""


class Closed(msgspec.Struct, frozen=True):
    """The alias is ours, but the room may not be joined now."""

    reason: str
    """A sentence for the person who dials, with the time when the room opens."""
    opens: datetime | None = None
    """The next time at which the room opens; None if it never does."""


Verdict = Open | Closed | None
"""None: the alias is not ours."""


class Admission:
    """Answers whether dialled aliases may be joined."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now

    def ask(self, dialled: str) -> Verdict:
        """Return whether an alias may be joined now.

        `dialled` is as a node sends it: any case, with or without `sip:`.
        """
        text = normalise(dialled)
        alias = self._store.find(tables.ALIAS_BY_TEXT, text)
        if alias is None:
            return self._without_schedule(text)
        conference = self._store.get(tables.CONFERENCE, alias.conference)
        if conference is None:
            return None
        meetings = self._store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference.id)
        series = self._store.find_all(tables.RECURRING_BY_CONFERENCE, conference.id)
        if not meetings and not series:
            # A room that was made for a meeting does not outlive its schedule.
            found = self._without_schedule(text) or Open(conference)
        else:
            found = verdict(conference, meetings, series, self._now())
        return self._named(found) if isinstance(found, Open) else found

    def _named(self, found: Open) -> Open | Closed:
        """Return the room with the names of its theme and groups.

        A room that asks for a sign-in and cannot have conferencing nodes ask for it is
        closed. That is one whose group has no record here: earlier versions stored
        any number.
        """
        room = found.conference
        theme = _name(self._store.get(tables.IVR_THEME, room.ivr_theme or 0))
        groups = {}
        for role, id_ in sign_ins(room).items():
            group = self._store.get(tables.IDENTITY_PROVIDER_GROUP, id_)
            if group is None:
                _log.warn(
                    "admission closed a room, it asks for a sign-in that is not known "
                    "here conference={conference} role={role} group={group}",
                    conference=room.id,
                    role=role,
                    group=id_,
                )
                return Closed(_NO_SIGN_IN)
            groups[role] = group.name
        return Open(room, theme, groups.get("host", ""), groups.get("guest", ""))

    def _without_schedule(self, text: str) -> Closed | None:
        """Return the answer for an alias that was handed out but has no schedule."""
        booked = handed_out_alias(self._store, text)
        if booked is None:
            return None
        if booked.conference_deletion_time is not None:
            return Closed("This meeting is over or was cancelled.")
        return Closed("No meeting is scheduled with this alias.")


_NO_SIGN_IN = (
    "This room asks people to sign in, in a way that is not known here. Please tell "
    "your administrator."
)


def _name(theme: IvrTheme | None) -> str:
    return "" if theme is None else theme.name


def sign_ins(room: Conference) -> Mapping[str, int]:
    """Return the groups with which hosts and guests of a room sign in, by the role.

    Where nodes are not told of guests, everybody is a host: a guest's sign-in then is
    asked of them.
    """
    found = {
        "host": room.host_identity_provider_group,
        "guest": room.guest_identity_provider_group,
    }
    if not room.has_guests:
        found = {"host": found["host"] or found["guest"]}
    return {role: group for role, group in found.items() if group is not None}


def verdict(
    conference: Conference,
    meetings: Sequence[ScheduledConference],
    series: Sequence[RecurringConference],
    now: datetime,
) -> Open | Closed:
    """Return whether `now` is inside a join window of a meeting or of a series.

    A series whose times cannot be computed opens nothing.
    """
    upcoming = []
    unknown = False
    for meeting in meetings:
        if meeting.recurring_conference is not None:
            continue  # computed from its series below: occurrence records may lag
        if meeting.start_time <= now < meeting.end_time:
            return Open(conference)
        if now < meeting.start_time:
            upcoming.append(meeting.start_time)
    for each in series:
        try:
            windows = open_windows(
                each.recurrence,
                timedelta(minutes=each.join_before),
                timedelta(minutes=each.join_after),
                now,
            )
        except UnknownZone:
            unknown = True
            _log.warn(
                "admission cannot compute a series, this system lacks its time zone "
                "integration={integration} series={series} zone={zone}",
                integration=each.exchange_connector,
                series=each.id,
                zone=each.recurrence.zone,
            )
            continue
        if windows.current is not None:
            return Open(conference)
        if windows.upcoming is not None:
            upcoming.append(windows.upcoming.opens)
    if not upcoming and unknown:
        return Closed(
            "The times of this meeting are not known here. Please tell your "
            "administrator."
        )
    if not upcoming:
        return Closed("This meeting is over.")
    opens = min(upcoming)
    return Closed(f"This meeting opens at {opens:%Y-%m-%d %H:%M} UTC.", opens)
