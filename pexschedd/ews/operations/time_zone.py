"""Reading a t:StartTimeZone."""

import re
from datetime import datetime, timedelta

from pexschedd.ews.envelope import Element, child, children, local_name, text
from pexschedd.ews.operations.parts import read_time
from pexschedd.ews.zones import Change, Rules, iana_zone

_WEEKDAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)
_MONTHS = range(1, 13)
_DAYS = range(1, 32)
_WEEKS = (1, 2, 3, 4, -1)
_BIAS = re.compile(
    r"(-?)P(?:0D)?T(?:(\d{1,2})H)?(?:(\d{1,4})M)?(?:0+(?:\.0*)?S)?\Z", re.ASCII
)


def read_zone(definition: Element | None, when: datetime) -> str:
    """The IANA zone of a definition; its rules count as they are at `when`."""
    if definition is None:
        return "UTC"
    return iana_zone(definition.get("Id", ""), _rules(definition, when), when.year)


def _rules(definition: Element, when: datetime) -> Rules | None:
    periods = {
        period.get("Id", ""): (period.get("Name", ""), bias)
        for period in children(child(definition, "Periods"), "Period")
        if (bias := _offset(period.get("Bias", ""))) is not None
    }
    groups = {
        group.get("Id", ""): group
        for group in children(child(definition, "TransitionsGroups"))
    }
    target = _target(child(definition, "Transitions"), when)
    if target in periods:
        return Rules(periods[target][1])
    group = groups.get(target or "")
    if group is None or not periods:
        return None
    changes = []
    fixed = None
    for transition in children(group):
        period = periods.get(text(transition, "To").strip())
        if period is None:
            return None
        name, offset = period
        match local_name(transition):
            case "RecurringDayTransition" | "RecurringDateTransition":
                change = _change(transition, offset)
                if change is None:
                    return None
                changes.append(change)
                if name == "Standard":
                    fixed = offset
            case _:
                fixed = offset
    if fixed is None:
        fixed = next(iter(periods.values()))[1]
    return Rules(fixed, tuple(changes))


def _target(transitions: Element | None, when: datetime) -> str | None:
    """The id of the group or period in force at `when`: the last that began."""
    target = None
    for transition in children(transitions):
        begins = read_time(text(transition, "DateTime"))
        if begins is None or begins <= when:
            target = text(transition, "To").strip()
    return target


def _change(transition: Element, offset: timedelta) -> Change | None:
    try:
        month = int(text(transition, "Month"))
        if month not in _MONTHS:
            return None
        if local_name(transition) == "RecurringDateTransition":
            day = int(text(transition, "Day"))
            return Change(offset, month, day) if day in _DAYS else None
        week = int(text(transition, "Occurrence"))
        weekday = _WEEKDAYS.index(text(transition, "DayOfWeek").strip())
        return Change(offset, month, 0, weekday, week) if week in _WEEKS else None
    except ValueError:
        return None


def _offset(bias: str) -> timedelta | None:
    """A period's bias is an xs:duration, positive to the west."""
    match = _BIAS.match(bias.strip())
    if match is None:
        return None
    amount = timedelta(hours=int(match[2] or 0), minutes=int(match[3] or 0))
    return amount if match[1] else -amount
