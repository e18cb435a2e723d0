"""The time zone in which a client wants busy times: a bias, and two yearly changes of
the clocks, as Windows writes them down (SerializableTimeZone). Pure."""

import re
from datetime import UTC, date, datetime, timedelta

import msgspec

from pexschedd.onetouch.emulation.soap import Element, child, schema_error, text_of

_DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    *("Saturday", "Sunday"),
)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")
_LONGEST_BIAS = 24 * 60


class _YearlyChange(msgspec.Struct, frozen=True):
    """A change of the clocks, by the clock as it was before."""

    bias: int
    after_midnight: timedelta
    order: int
    """The number of the weekday in its month; 5: the last."""
    month: int
    weekday: str

    def in_year(self, year: int) -> datetime:
        """Return the naive local time of the change."""
        index = _DAYS.index(self.weekday)
        first = date(year, self.month, 1)
        day = 1 + (index - first.weekday()) % 7 + 7 * (self.order - 1)
        following = date(year + self.month // 12, self.month % 12 + 1, 1)
        while day > (following - first).days:
            day -= 7
        midnight = datetime(year, self.month, day)  # noqa: DTZ001 - local time
        return midnight + self.after_midnight


class SerializedZone(msgspec.Struct, frozen=True):
    """A zone of a client's own rules."""

    bias: int = 0
    """Minutes that are added to local time for UTC: positive is west."""
    standard: _YearlyChange | None = None
    daylight: _YearlyChange | None = None

    def to_local(self, moment: datetime) -> datetime:
        """Return the naive local time of an instant."""
        return moment.astimezone(UTC).replace(tzinfo=None) - self._bias_at(moment)

    def to_utc(self, local: datetime) -> datetime:
        """Return the instant of a naive local time."""
        guess = (local + timedelta(minutes=self.bias)).replace(tzinfo=UTC)
        return (local + self._bias_at(guess)).replace(tzinfo=UTC)

    def _bias_at(self, moment: datetime) -> timedelta:
        plain = timedelta(minutes=self.bias)
        if self.standard is None or self.daylight is None:
            return plain
        standard = plain + timedelta(minutes=self.standard.bias)
        daylight = plain + timedelta(minutes=self.daylight.bias)
        at = moment.astimezone(UTC).replace(tzinfo=None)
        begins = self.daylight.in_year(at.year) + standard
        ends = self.standard.in_year(at.year) + daylight
        if begins < ends:
            return daylight if begins <= at < ends else standard
        return standard if ends <= at < begins else daylight


def read_serialized_zone(element: Element | None) -> SerializedZone:
    """Return the zone of a TimeZone element, UTC without one; raises
    `ExchangeRefusal`."""
    if element is None:
        return SerializedZone()
    return SerializedZone(
        _integer(text_of(element, "Bias"), -_LONGEST_BIAS, _LONGEST_BIAS, "Bias"),
        _read_change(child(element, "StandardTime")),
        _read_change(child(element, "DaylightTime")),
    )


def _read_change(element: Element | None) -> _YearlyChange | None:
    if element is None:
        return None
    month = _integer(text_of(element, "Month"), 0, 12, "Month")
    if not month:
        return None
    time = _TIME.match(text_of(element, "Time"))
    weekday = text_of(element, "DayOfWeek")
    if time is None or weekday not in _DAYS:
        raise schema_error("The rules of the 'TimeZone' element are invalid.")
    hours, minutes, seconds = (int(part) for part in time.groups())
    return _YearlyChange(
        _integer(text_of(element, "Bias"), -_LONGEST_BIAS, _LONGEST_BIAS, "Bias"),
        timedelta(hours=hours, minutes=minutes, seconds=seconds),
        _integer(text_of(element, "DayOrder"), 1, 5, "DayOrder"),
        month,
        weekday,
    )


def _integer(text: str, low: int, high: int, what: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,5}", text) or not low <= int(text) <= high:
        raise schema_error(f"'{what}' must be a number from {low} to {high}.")
    return int(text)
