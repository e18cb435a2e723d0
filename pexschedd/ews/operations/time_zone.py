"""Reading a t:StartTimeZone."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from pexschedd.ews.envelope import Element, child, children, local_name, text
from pexschedd.ews.operations.parts import DAYS_OF_WEEK
from pexschedd.exchange.custom_zones import (
    MAX_BIASES,
    MAX_CHANGES,
    MAX_ERAS,
    DatedEra,
    custom_zone,
    rules_at,
)
from pexschedd.exchange.moments import read_time
from pexschedd.exchange.zones import iana_zone, named_zone
from pexschedd.model.recurrence import ClockChange, DayOfWeek, Era, Zone

_DURATION = re.compile(
    r"(-?)P(?:0D)?T(?:(\d{1,2})H)?(?:(\d{1,4})M)?(?:(\d{1,2})(?:\.(\d*))?S)?\Z",
    re.ASCII,
)


def read_zone(definition: Element | None, when: datetime) -> str:
    """The IANA zone of a definition; its rules count as they are at `when`."""
    if definition is None:
        return "UTC"
    rules = rules_at(_eras(definition), when)
    return iana_zone(definition.get("Id", ""), rules, when.year)


def read_clock(definition: Element | None) -> Zone | None:
    """Return the wall clock of a series: an IANA zone's, or the rules as they are
    written. Without a definition it is UTC; None if it cannot be understood."""
    if definition is None:
        return "UTC"
    return named_zone(definition.get("Id", "")) or custom_zone(_eras(definition))


def _eras(definition: Element) -> Iterator[DatedEra]:
    """Yield each era with its begin; None for rules that make no sense, or have more
    than `MAX_CHANGES` in all."""
    periods = {
        period.get("Id", ""): (period.get("Name", ""), bias)
        for period in children(child(definition, "Periods"), "Period")
        if (bias := _minutes(period.get("Bias", ""))) is not None
    }
    groups = {
        group.get("Id", ""): group
        for group in children(child(definition, "TransitionsGroups"))
    }
    transitions = children(child(definition, "Transitions"))
    changes = 0
    for transition in islice(transitions, MAX_ERAS + 1):
        target = text(transition, "To").strip()
        try:
            era = (
                Era(bias=periods[target][1])
                if target in periods
                else _era(groups[target], periods)
            )
        except (KeyError, ValueError):
            era = None
        changes += len(era.changes) if era else 0
        if changes > MAX_CHANGES:
            yield None, None
            return
        yield _begins(transition), era


def _begins(transition: Element) -> datetime | None:
    """Without an offset it is on the clocks of the era before."""
    given = text(transition, "DateTime").strip()
    begins = read_time(given)
    if begins is not None and not re.search(r"(?:Z|[+-]\d\d:\d\d)\Z", given):
        return begins.replace(tzinfo=None)
    return begins


def _era(group: Element, periods: dict[str, tuple[str, int]]) -> Era:
    """Parse a group of transitions. Raises KeyError and ValueError for nonsense."""
    changes = []
    standard = None
    transitions = list(children(group))
    if len(transitions) > MAX_BIASES:
        raise ValueError("clocks that change all the time")
    for transition in transitions:
        name, bias = periods[text(transition, "To").strip()]
        recurs = local_name(transition).startswith("Recurring")
        if recurs:
            changes.append(_change(transition, bias))
        if name == "Standard" or not recurs:
            standard = bias
    if standard is None:
        standard = next(iter(periods.values()), ("", 0))[1]
    return Era(bias=standard, changes=tuple(changes))


def _change(transition: Element, bias: int) -> ClockChange:
    at = _minutes(text(transition, "TimeOffset") or "PT0S")
    if at is None:
        raise ValueError("TimeOffset: no duration")
    month = int(text(transition, "Month"))
    if local_name(transition) == "RecurringDateTransition":
        return ClockChange(
            bias=bias, month=month, at=at, day=int(text(transition, "Day"))
        )
    weekday: DayOfWeek = DAYS_OF_WEEK[text(transition, "DayOfWeek").strip()]
    week = int(text(transition, "Occurrence"))
    return ClockChange(bias=bias, month=month, at=at, weekday=weekday, week=week)


def _minutes(duration: str) -> int | None:
    """An xs:duration of less than some days. A last millisecond before midnight is
    midnight."""
    match = _DURATION.match(duration.strip())
    if match is None:
        return None
    seconds = float(f"{match[4] or 0}.{match[5] or 0}")
    amount = int(match[2] or 0) * 60 + int(match[3] or 0) + round(seconds / 60)
    return -amount if match[1] else amount
