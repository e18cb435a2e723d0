"""Windows time zones: their names, and definitions as Exchange writes them.

The table of ids is the Unicode CLDR's; the rules come from the IANA data of this
machine, for one year, which is how Exchange describes a zone too.
"""

import json
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pexschedd.sandbox import markup
from pexschedd.sandbox.items import zone_definitions
from pexschedd.sandbox.markup import Element

_DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    *("Saturday", "Sunday"),
)


class ZoneChange(NamedTuple):
    """A change of the clocks: on the n-th weekday of a month; -1: the last."""

    to_daylight: bool
    after_midnight: timedelta
    month: int
    weekday: str
    occurrence: int


@cache
def zones() -> dict[str, str]:
    """Return the table of Windows time zone ids and IANA names."""
    file = resources.files("pexschedd.sandbox").joinpath("data/windows_zones.json")
    table: dict[str, str] = json.loads(file.read_text("utf-8"))
    return table


def known(zone_id: str) -> bool:
    """Return whether this is a Windows time zone id."""
    return zone_id in zones()


@cache
def read_zone(zone_id: str) -> tzinfo:
    """Return the zone with this Windows id; UTC if there is none."""
    name = zones().get(zone_id)
    return UTC if name is None else ZoneInfo(name)


@lru_cache(maxsize=256)
def zone_of(zone_id: str, rules: str) -> tzinfo:
    """Return the zone with this Windows id, or the one of the rules if there are
    any."""
    return zone_definitions.read(rules) if rules else read_zone(zone_id)


def write_zone(parent: Element, zone_id: str, year: int, *, rules: bool = True) -> None:
    """Fill an element of type TimeZoneDefinitionType.

    Without `rules` it gets only the periods, which the schema demands.
    """
    parent.set("Id", zone_id)
    parent.set("Name", display_name(zone_id, year))
    standard, daylight, changes = yearly_rules(zone_id, year)
    rule = f"trule:Microsoft/Registry/{zone_id}/1-"
    if zone_id == "UTC":
        rule = "trule:Microsoft/Registry/UTC/1-"
    periods = markup.t(parent, "Periods")
    _period(periods, standard, "Standard", rule)
    if changes:
        _period(periods, daylight, "Daylight", rule)
    if not rules:
        return
    groups = markup.t(parent, "TransitionsGroups")
    group = markup.t(groups, "TransitionsGroup", Id="0")
    if not changes:
        _to(markup.t(group, "Transition"), "Period", rule + "Standard")
    for change in changes:
        kind = "Daylight" if change.to_daylight else "Standard"
        day = markup.t(group, "RecurringDayTransition")
        _to(day, "Period", rule + kind)
        markup.t(day, "TimeOffset", _duration(change.after_midnight))
        markup.t(day, "Month", str(change.month))
        markup.t(day, "DayOfWeek", change.weekday)
        markup.t(day, "Occurrence", str(change.occurrence))
    transitions = markup.t(parent, "Transitions")
    _to(markup.t(transitions, "Transition"), "Group", "0")


def display_name(zone_id: str, year: int) -> str:
    """Return the name of a zone as Exchange shows it, with its offset in that year."""
    if zone_id == "UTC":
        return "(UTC) Coordinated Universal Time"
    standard, _, _ = yearly_rules(zone_id, year)
    minutes = int(standard.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    city = zones().get(zone_id, zone_id).rpartition("/")[2].replace("_", " ")
    return f"(UTC{sign}{hours:02}:{rest:02}) {city}"


def _period(parent: Element, offset: timedelta, name: str, rule: str) -> None:
    # A positive bias is west of Greenwich.
    bias = _duration(-offset)
    markup.t(parent, "Period", Bias=bias, Name=name, Id=rule + name)


def _to(parent: Element, kind: str, target: str) -> None:
    markup.t(parent, "To", target, Kind=kind)


def _duration(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{sign}PT{hours}H"
    text += f"{minutes}M" if minutes else ""
    return text + (f"{seconds}S" if seconds else "")


def yearly_rules(
    zone_id: str, year: int
) -> tuple[timedelta, timedelta, tuple[ZoneChange, ...]]:
    """Return standard and daylight offset (positive east), and the changes of that
    year."""
    return rules_in(zone_id, "", year)


def years_of(zone_id: str, rules: str) -> list[int]:
    """Return the years from which on a zone of the given rules has others; none for a
    zone by its id."""
    zone = zone_of(zone_id, rules)
    return zone.years if isinstance(zone, zone_definitions.DefinedZone) else []


@lru_cache(maxsize=256)
def rules_in(
    zone_id: str, rules: str, year: int
) -> tuple[timedelta, timedelta, tuple[ZoneChange, ...]]:
    """Return the same of any zone, see `zone_of`."""
    zone = zone_of(zone_id, rules)
    hours = _changing_hours(zone, year)
    offsets = sorted({_offset(zone, datetime(year, 1, 1, tzinfo=UTC)), *hours.values()})
    if len(hours) != 2 or len(offsets) != 2:
        # No daylight saving, or rules that no recurring change describes.
        return offsets[0], offsets[0], ()
    standard, daylight = offsets
    changes = []
    for hour, offset in hours.items():
        # Counted from midnight by the clock as it was before the change.
        before = standard if offset == daylight else daylight
        local = (hour + before).replace(tzinfo=None)
        following = local + timedelta(days=7)
        changes.append(
            ZoneChange(
                to_daylight=offset == daylight,
                after_midnight=timedelta(hours=local.hour, minutes=local.minute),
                month=local.month,
                weekday=_DAYS[local.weekday()],
                occurrence=(
                    -1 if following.month != local.month else (local.day - 1) // 7 + 1
                ),
            )
        )
    return standard, daylight, tuple(changes)


def _changing_hours(zone: tzinfo, year: int) -> dict[datetime, timedelta]:
    """The UTC instants of that year with a new offset, and the offset."""
    moment = datetime(year, 1, 1, tzinfo=UTC)
    end = datetime(year + 1, 1, 1, tzinfo=UTC)
    found = {}
    offset = _offset(zone, moment)
    while moment < end:
        tomorrow = moment + timedelta(days=1)
        if _offset(zone, tomorrow) != offset:
            step = moment
            while _offset(zone, step) == offset:
                step += timedelta(minutes=30)
            offset = _offset(zone, step)
            found[step] = offset
        moment = tomorrow
    return found


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
