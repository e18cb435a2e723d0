"""Time zones by the definitions that clients send along with meetings."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from dateutil import relativedelta
from dateutil.tz import tzrange, tzutc
from lxml import etree

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items.recurrence import DAYS
from pexschedd.sandbox.markup import Element

_DURATION = re.compile(
    r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?", re.ASCII
)
_WEEKDAYS = (
    *(relativedelta.MO, relativedelta.TU, relativedelta.WE, relativedelta.TH),
    *(relativedelta.FR, relativedelta.SA, relativedelta.SU),
)


class DefinedZone(tzinfo):
    """A zone of several rules, each in force from a date on."""

    def __init__(self, rules: list[tuple[datetime, tzinfo]]) -> None:
        self._rules = rules
        """Naive local times and what holds from then on, in order."""

    @property
    def years(self) -> list[int]:
        """The years in which the rules begin."""
        return sorted({begin.year for begin, _ in self._rules})

    def _rule(self, moment: datetime | None) -> tzinfo:
        chosen = self._rules[0][1]
        if moment is not None:
            naive = moment.replace(tzinfo=None)
            for begin, rule in self._rules:
                if begin <= naive:
                    chosen = rule
        return chosen

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """Return the offset by the rule in force."""
        if moment is None:
            return None
        return self._rule(moment).utcoffset(moment)

    def dst(self, moment: datetime | None) -> timedelta | None:
        """Return the daylight saving by the rule in force."""
        return None if moment is None else self._rule(moment).dst(moment)

    def tzname(self, moment: datetime | None) -> str | None:
        """Return "Standard" or "Daylight" by the rule in force."""
        return None if moment is None else self._rule(moment).tzname(moment)

    def fromutc(self, moment: datetime) -> datetime:
        """Return the local time of a UTC time."""
        rule = self._rule(moment)
        local = moment.replace(tzinfo=UTC).astimezone(rule)
        return local.replace(tzinfo=self)


class _Change(NamedTuple):
    """A change of the clocks, by the clock as it was before."""

    date: relativedelta.relativedelta
    after_midnight: timedelta

    def in_year(self, year: int) -> datetime:
        return datetime(year, 1, 1) + self.date + self.after_midnight  # noqa: DTZ001 - local time


class _Saving(tzrange):
    """Daylight saving between two dates of each year."""

    def __init__(
        self,
        standard: timedelta,
        daylight: timedelta,
        to_daylight: _Change,
        to_standard: _Change,
    ) -> None:
        super().__init__("Standard", standard, "Daylight", daylight)
        self._to_daylight = to_daylight
        self._to_standard = to_standard
        self._saving = daylight - standard

    def transitions(self, year: int) -> tuple[datetime, datetime]:
        """Return both changes of a year by standard time, as the base class wants
        them."""
        end = self._to_standard.in_year(year) - self._saving
        return self._to_daylight.in_year(year), end

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """Return the offset; for a time that the clock skips, the one before the
        change."""
        offset = super().utcoffset(moment)
        if moment is None or offset is None or moment.fold:
            return offset
        change = self._to_daylight.in_year(moment.year)
        left_out = change <= moment.replace(tzinfo=None) < change + self._saving
        return offset - self._saving if left_out else offset


def read(xml: str) -> tzinfo:
    """Return the zone of an element of type TimeZoneDefinitionType. Raises
    `EwsError`."""
    element = etree.fromstring(xml)
    try:
        return _read(element)
    except (ValueError, KeyError, IndexError):
        raise EwsError("ErrorCalendarInvalidTimeZone") from None


def _read(element: Element) -> tzinfo:
    periods = {
        markup.need(period, "Id"): -_span(markup.need(period, "Bias"))
        for period in element.iterfind(_path("Periods/Period"))
    }
    groups = {
        markup.need(group, "Id"): _group(group, periods)
        for group in element.iterfind(_path("TransitionsGroups/TransitionsGroup"))
    }
    rules = []
    for transition in element.iterfind(_path("Transitions") + "/*"):
        begin = markup.text_t(transition, "DateTime") or "0001-01-01T00:00:00"
        moment = markup.read_time(begin).replace(tzinfo=None)
        target = markup.text_t(transition, "To").strip()
        to = markup.find_t(transition, "To")
        if to is not None and to.get("Kind") == "Period":
            rules.append((moment, _fixed(periods[target])))
        else:
            rules.append((moment, groups[target]))
    if not rules:
        # Nothing but a list of periods: the first one holds always.
        offset = next(iter(periods.values()), timedelta())
        return _fixed(offset)
    return DefinedZone(sorted(rules, key=lambda rule: rule[0]))


def _group(group: Element, periods: dict[str, timedelta]) -> tzinfo:
    """Return a zone with daylight saving for two recurring transitions, else a fixed
    one."""
    changes = []
    for transition in group:
        offset = periods[markup.text_t(transition, "To").strip()]
        if markup.name_of(transition).startswith("Recurring"):
            changes.append((offset, transition))
        else:
            return _fixed(offset)
    if len(changes) != 2:
        return _fixed(changes[0][0])
    (standard, to_standard), (daylight, to_daylight) = sorted(
        changes, key=lambda change: change[0]
    )
    return _Saving(standard, daylight, _change(to_daylight), _change(to_standard))


def _change(transition: Element) -> _Change:
    after_midnight = _span(markup.text_t(transition, "TimeOffset"))
    month = int(markup.text_t(transition, "Month"))
    if markup.name_of(transition) == "RecurringDateTransition":
        day = int(markup.text_t(transition, "Day"))
        return _Change(
            relativedelta.relativedelta(month=month, day=day), after_midnight
        )
    weekday = _WEEKDAYS[DAYS.index(markup.text_t(transition, "DayOfWeek"))]
    number = int(markup.text_t(transition, "Occurrence"))
    number = -1 if number > 4 else number
    date = relativedelta.relativedelta(
        month=month, day=31 if number < 0 else 1, weekday=weekday(number)
    )
    return _Change(date, after_midnight)


def _fixed(offset: timedelta) -> tzinfo:
    return tzrange("Standard", offset) if offset else tzutc()


def _span(text: str) -> timedelta:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration")
    sign, *numbers = match.groups()
    days, hours, minutes, seconds = (int(number or 0) for number in numbers)
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -span if sign else span


def _path(names: str) -> str:
    return "/".join(f"{{{markup.TYPES}}}{name}" for name in names.split("/"))
