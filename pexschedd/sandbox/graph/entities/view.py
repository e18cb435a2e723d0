"""The view of a client: its kinds of ids and bodies, and its time zone."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from functools import cache, cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata.query_options import Expansion
from pexschedd.sandbox.items import occurrence_dates, timezones
from pexschedd.sandbox.items.records import Meeting

FIRST_YEAR, LAST_YEAR = 1601, 4500
"""The years that Exchange's calendars have."""


@dataclass(frozen=True)
class EntityView:
    """The way in which a client wants to see entities."""

    immutable: bool = False
    text_bodies: bool = False
    zone: str = "UTC"
    """Of start and end: a Windows id or an IANA name."""
    expand: tuple[Expansion, ...] = ()
    select: tuple[str, ...] | None = None
    applied: dict[str, str] = field(default_factory=dict, compare=False)
    """The preferences that the answer says were followed."""

    def wants(self, name: str) -> bool:
        """Return whether a costly property is asked for."""
        return self.select is None or name in self._selected

    @cached_property
    def _selected(self) -> frozenset[str]:
        return frozenset(each.rpartition("/")[2] for each in self.select or ())


@cache
def zone_named(name: str) -> tzinfo | None:
    """Return the zone with a Windows id or an IANA name, if there is one."""
    if timezones.known(name):
        return timezones.read_zone(name)
    if name in ("tzone://Microsoft/Utc", "Etc/GMT"):
        return UTC
    return ZoneInfo(name) if name in available_timezones() else None


@cache
def windows_id(name: str) -> str:
    """Return the Windows id of a zone; of one that has none, a similar one's.

    Raises `GraphError` for an unknown zone.
    """
    if timezones.known(name):
        return name
    zone = zone_named(name)
    if zone is None:
        raise GraphError(
            "TimeZoneNotSupportedException",
            f"A valid TimeZone value must be specified: '{name}'.",
        )
    if zone is UTC:
        return "UTC"
    for each, iana in timezones.zones().items():
        if iana == name:
            return each
    moments = [datetime(2026, month, 15, tzinfo=UTC) for month in range(1, 13)]
    offsets = [moment.astimezone(zone).utcoffset() for moment in moments]
    for each in timezones.zones():
        other = timezones.read_zone(each)
        if [moment.astimezone(other).utcoffset() for moment in moments] == offsets:
            return each
    return "UTC"


@lru_cache(1024)  # an entity has several, mostly the same
def timestamp(moment: datetime | None) -> str | None:
    """Return a moment as Edm.DateTimeOffset."""
    if moment is None:
        return None
    moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="seconds") + "Z"


def zoned(moment: datetime, meeting: Meeting, view: EntityView) -> dict[str, str]:
    """Return a time of a meeting as dateTimeTimeZone; of an all-day one midnight, in
    whatever zone."""
    if meeting.all_day:
        local = moment.astimezone(occurrence_dates.zone(meeting))
        # A clock may leave out midnight.
        naive = datetime.combine(local.date(), time())
    else:
        naive = moment.astimezone(zone_named(view.zone) or UTC).replace(tzinfo=None)
    text = naive.isoformat(timespec="microseconds") + "0"
    return {"dateTime": text, "timeZone": view.zone}


def read_zoned(value: Any, name: str) -> tuple[datetime, str]:
    """Return the UTC time and the Windows zone of a dateTimeTimeZone.

    Raises `GraphError`.
    """
    if not isinstance(value, dict) or not isinstance(value.get("dateTime"), str):
        raise GraphError("ErrorInvalidRequest", f"{name}: must be a dateTimeTimeZone.")
    named = value.get("timeZone") or "UTC"
    zone = zone_named(str(named))
    if zone is None:
        windows_id(str(named))
        raise GraphError("TimeZoneNotSupportedException")
    text = value["dateTime"]
    head, dot, fraction = text.partition(".")
    try:
        if not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
            raise ValueError(text)
        moment = datetime.fromisoformat(head + (dot + fraction[:6].rstrip("Z")))
        if text.endswith("Z") or moment.tzinfo is not None:
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC), windows_id(str(named))
        return moment.replace(tzinfo=zone).astimezone(UTC), windows_id(str(named))
    except (ValueError, OverflowError):
        raise GraphError(
            "ErrorInvalidRequest", f"{name}.dateTime: '{text[:40]}' is no time."
        ) from None
