"""Time zones of the emulated server: by the names of Windows, and as clients define
them; and the answer to GetServerTimeZones. Pure.

The names are those of Windows, the rules are those of the IANA data of this machine for
the year that is asked in.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from pexschedd.exchange.windows_zones import IANA_OF_WINDOWS
from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from pexschedd.onetouch.emulation.soap import (
    Element,
    SoapCall,
    add_m,
    add_t,
    child,
    listed,
    response_messages,
)

MOST_ZONES = 300
"""Zones that one request may name."""
_DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    *("Saturday", "Sunday"),
)


class _Change(msgspec.Struct, frozen=True):
    """A change of the clocks: on the n-th weekday of a month; -1: the last."""

    to_daylight: bool
    after_midnight: timedelta
    """By the clock as it was before."""
    month: int
    weekday: str
    occurrence: int


class _YearRules(msgspec.Struct, frozen=True):
    """The rules of a zone in one year. Offsets are positive east of Greenwich."""

    standard: timedelta
    daylight: timedelta
    changes: tuple[_Change, ...]


def zone_called(name: str) -> tzinfo:
    """Return the zone of a Windows name; UTC for a name that is not known."""
    iana = IANA_OF_WINDOWS.get(name)
    if iana is None:
        return UTC
    try:
        return ZoneInfo(iana)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def get_server_time_zones(call: SoapCall, room: EmulatedRoom) -> Element:
    """Answer GetServerTimeZones: those that are named, or all."""
    is_full = call.element.get("ReturnFullTimeZoneData") in ("true", "1")
    names = list(IANA_OF_WINDOWS)
    if child(call.element, "Ids") is not None:
        named = listed(call.element, "Ids", MOST_ZONES)
        asked = dict.fromkeys((each.text or "").strip() for each in named)
        names = [name for name in asked if name in IANA_OF_WINDOWS]

    def answer(good: Element) -> None:
        definitions = add_m(good, "TimeZoneDefinitions")
        for name in names:
            _write_zone(definitions, name, room.now.year, is_full=is_full)

    return response_messages("GetServerTimeZones", [answer])


def _write_zone(parent: Element, name: str, year: int, *, is_full: bool) -> None:
    rules = _rules_of(name, year)
    rule = f"trule:Microsoft/Registry/{name}/1-"
    definition = add_t(
        parent, "TimeZoneDefinition", Id=name, Name=_shown(name, rules.standard)
    )
    # The schema wants the periods even when only names are asked for.
    periods = add_t(definition, "Periods")
    _write_period(periods, rules.standard, "Standard", rule)
    if rules.changes:
        _write_period(periods, rules.daylight, "Daylight", rule)
    if not is_full:
        return
    groups = add_t(definition, "TransitionsGroups")
    group = add_t(groups, "TransitionsGroup", Id="0")
    if not rules.changes:
        add_t(add_t(group, "Transition"), "To", f"{rule}Standard", Kind="Period")
    for change in rules.changes:
        day = add_t(group, "RecurringDayTransition")
        kind = "Daylight" if change.to_daylight else "Standard"
        add_t(day, "To", rule + kind, Kind="Period")
        add_t(day, "TimeOffset", _duration(change.after_midnight))
        add_t(day, "Month", str(change.month))
        add_t(day, "DayOfWeek", change.weekday)
        add_t(day, "Occurrence", str(change.occurrence))
    transitions = add_t(definition, "Transitions")
    add_t(add_t(transitions, "Transition"), "To", "0", Kind="Group")


def _write_period(parent: Element, offset: timedelta, name: str, rule: str) -> None:
    # A positive bias is west of Greenwich.
    add_t(parent, "Period", Bias=_duration(-offset), Name=name, Id=rule + name)


def _duration(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    return f"{sign}PT{hours}H{rest // 60}M{rest % 60}S"


def _shown(name: str, standard: timedelta) -> str:
    minutes = int(standard.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    offset = f"{sign}{hours:02}:{rest:02}" if minutes else ""
    return f"(UTC{offset}) {name}"


@lru_cache(maxsize=1024)
def _rules_of(name: str, year: int) -> _YearRules:
    zone = zone_called(name)
    changes = _changes_of(zone, year)
    first = _offset(zone, datetime(year, 1, 1, tzinfo=UTC))
    offsets = sorted({first, *(offset for _, offset in changes)})
    if len(changes) != 2 or len(offsets) != 2:
        # No daylight saving, or rules that no yearly change describes.
        return _YearRules(offsets[0], offsets[0], ())
    standard, daylight = offsets
    found = []
    for moment, offset in changes:
        before = standard if offset == daylight else daylight
        local = (moment + before).replace(tzinfo=None)
        is_last = (local + timedelta(days=7)).month != local.month
        found.append(
            _Change(
                to_daylight=offset == daylight,
                after_midnight=timedelta(hours=local.hour, minutes=local.minute),
                month=local.month,
                weekday=_DAYS[local.weekday()],
                occurrence=-1 if is_last else (local.day - 1) // 7 + 1,
            )
        )
    return _YearRules(standard, daylight, tuple(found))


def _changes_of(zone: tzinfo, year: int) -> list[tuple[datetime, timedelta]]:
    """The instants of a year at which the offset changes, and the new offset."""
    moment = datetime(year, 1, 1, tzinfo=UTC)
    offset, found = _offset(zone, moment), []
    for _ in range(366):
        following = moment + timedelta(days=1)
        if _offset(zone, following) != offset:
            instant = moment
            while _offset(zone, instant) == offset:
                instant += timedelta(minutes=30)
            offset = _offset(zone, instant)
            found.append((instant, offset))
        moment = following
    return found


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
