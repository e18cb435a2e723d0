"""Time zones as the binary definition of MAPI (MS-OXOCAL 2.2.1.41)."""

import struct
from datetime import timedelta

from pexschedd.sandbox.items import timezones
from pexschedd.sandbox.items.records import Meeting
from pexschedd.sandbox.items.recurrence import DAYS
from pexschedd.sandbox.items.timezones import ZoneChange

_FIRST_YEAR = 1601
_EFFECTIVE = 2
_RECURRING = 1


def written(meeting: Meeting, *, recurring: bool = False) -> bytes:
    """Return the definition of a meeting's zone: its name, and a rule for each year in
    which others begin. `recurring` marks the rule as that of a series."""
    name = meeting.zone.encode("utf-16-le")
    years = timezones.years_of(meeting.zone, meeting.zone_rules) or [_FIRST_YEAR]
    in_force = max([y for y in years if y <= meeting.start.year], default=years[0])
    rules = []
    for year in years:
        flags = 0
        if year == in_force:
            flags = _EFFECTIVE | (_RECURRING if recurring else 0)
        sample = meeting.start.year if len(years) == 1 else max(year, _FIRST_YEAR + 1)
        rules.append(_rule(meeting, year, sample, flags))
    header = struct.pack("<HH", 2, len(meeting.zone)) + name
    header += struct.pack("<H", len(rules))
    return struct.pack("<BBH", 2, 1, len(header)) + header + b"".join(rules)


def _rule(meeting: Meeting, year: int, sample: int, flags: int) -> bytes:
    standard, daylight, changes = timezones.rules_in(
        meeting.zone, meeting.zone_rules, sample
    )
    bias = -_minutes(standard)
    dates = {each.to_daylight: _date(each) for each in changes}
    empty = bytes(16)
    return struct.pack(
        "<BBHHH14xiii16s16s",
        *(2, 1, 0x3E, flags, year, bias, 0),
        -_minutes(daylight) - bias,
        dates.get(False, empty),
        dates.get(True, empty),
    )


def _date(change: ZoneChange) -> bytes:
    """A SYSTEMTIME: a weekday of a month, the fifth being the last one."""
    weekday = (DAYS.index(change.weekday) + 1) % 7
    week = 5 if change.occurrence < 0 else change.occurrence
    hour, minute = divmod(_minutes(change.after_midnight), 60)
    return struct.pack("<8H", 0, change.month, weekday, week, hour, minute, 0, 0)


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60
