"""Time zone definitions, as Outlook and Exchange keep them with a meeting.

MS-OXOCAL 2.2.1.41 (PidLidAppointmentTimeZoneDefinitionRecur) and 2.2.1.42; little
endian. A header with the name of the zone, then rules of 66 bytes, each for the years
from its own on:

 1  major version, 2          2  size of the rest of the header
 1  minor version, 1          2  2; then the number of characters of the name
    the name, UTF-16          2  the number of rules

of a rule: versions, size, flags, year, 14 zeros, three biases in minutes, and two
changes of the clocks as SYSTEMTIME (2.2.1.41.1).
"""

import struct
from collections.abc import Iterator
from datetime import datetime

import msgspec

from pexschedd.exchange.custom_zones import (
    MAX_ERAS,
    DatedEra,
    custom_zone,
    rules_at,
)
from pexschedd.exchange.zones import iana_zone
from pexschedd.graph.entities.times import zone_called
from pexschedd.model.recurrence import (
    FIRST_YEAR,
    ClockChange,
    DayOfWeek,
    Era,
    Zone,
)

_HEADER = struct.Struct("<BBHHH")
_RULE = struct.Struct("<BBHHH14xiii16s16s")
_SYSTEMTIME = struct.Struct("<8H")
_MAX_NAME = 256
_DAYS = (DayOfWeek.SUNDAY, *tuple(DayOfWeek)[:6])
"""SYSTEMTIME counts from Sunday."""


class ZoneDefinition(msgspec.Struct, frozen=True):
    """The name of a zone, and its rules."""

    name: str
    eras: tuple[DatedEra, ...] = ()

    def clock(self) -> Zone | None:
        """The wall clock: an IANA zone's, or the rules as they are written. None if it
        cannot be understood."""
        return zone_called(self.name) or custom_zone(self.eras)

    def zone_at(self, when: datetime) -> str:
        """The IANA zone; the rules of a nameless one count as they are at `when`."""
        known = zone_called(self.name)
        return known or iana_zone(self.name, rules_at(self.eras, when), when.year)


def read_zone_definition(data: bytes) -> ZoneDefinition | None:
    """None for no definition, and for one that is cut off or makes no sense."""
    try:
        return _definition(data)
    except (struct.error, ValueError):
        return None


def _definition(data: bytes) -> ZoneDefinition:
    major, _, _, _, characters = _HEADER.unpack_from(data)
    if major != 2 or characters > _MAX_NAME:
        raise ValueError("not a definition of this version")
    end = _HEADER.size + 2 * characters
    name = data[_HEADER.size : end].decode("utf-16-le").rstrip("\x00")
    (count,) = struct.unpack_from("<H", data, end)
    if count > MAX_ERAS:
        raise ValueError("too many rules")
    return ZoneDefinition(name, tuple(_eras(data, end + 2, count)))


def _eras(data: bytes, offset: int, count: int) -> Iterator[DatedEra]:
    for number in range(count):
        _, _, _, _, year, bias, standard, daylight, to_standard, to_daylight = (
            _RULE.unpack_from(data, offset + number * _RULE.size)
        )
        # The first rule holds for all the years before it, too (2.2.1.41.1).
        begins = None
        if number and year >= FIRST_YEAR:
            begins = datetime(year, 1, 1)  # noqa: DTZ001 - by the clocks of before
        try:
            winter, summer = bias + standard, bias + daylight
            changes = _change(to_daylight, summer), _change(to_standard, winter)
            era = Era(bias=winter, changes=tuple(filter(None, changes)))
        except ValueError:
            era = None
        yield begins, era


def _change(moment: bytes, bias: int) -> ClockChange | None:
    """None for a clock that does not change. Of a date that is given with its year
    only the day counts: the rule is for one year, then."""
    year, month, weekday, day, hour, minute, second, milliseconds = _SYSTEMTIME.unpack(
        moment
    )
    if not month:
        return None
    # A last millisecond before midnight is midnight.
    at = hour * 60 + minute + round((second + milliseconds / 1000) / 60)
    if year:
        return ClockChange(bias=bias, month=month, day=day, at=at)
    if weekday > 6:
        raise ValueError("no day of the week")
    week = -1 if day == 5 else day
    return ClockChange(bias=bias, month=month, weekday=_DAYS[weekday], week=week, at=at)
