"""Recurrences as patternedRecurrence, both ways."""

from datetime import date
from typing import Any

from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.items import occurrence_dates
from pexschedd.sandbox.items.records import Meeting
from pexschedd.sandbox.items.recurrence import (
    DAYS,
    INDEXES,
    MONTHS,
    Pattern,
    SeriesRecurrence,
)

_TYPES = {
    Pattern.DAILY: "daily",
    Pattern.WEEKLY: "weekly",
    Pattern.MONTHLY: "absoluteMonthly",
    Pattern.MONTHLY_ON: "relativeMonthly",
    Pattern.YEARLY: "absoluteYearly",
    Pattern.YEARLY_ON: "relativeYearly",
}
_GROUPS = {
    "Day": DAYS[:7],
    "Weekday": DAYS[:5],
    "WeekendDay": DAYS[5:7],
}
_NEVER = "0001-01-01"


def written(meeting: Meeting) -> dict[str, Any] | None:
    """Return the recurrence of a meeting; None for a single one."""
    recurrence = meeting.recurrence
    if recurrence is None:
        return None
    days = [day for each in recurrence.days for day in _GROUPS.get(each, (each,))]
    pattern: dict[str, Any] = {
        "type": _TYPES[recurrence.pattern],
        "interval": recurrence.interval,
        "month": MONTHS.index(recurrence.month) + 1 if recurrence.month else 0,
        "dayOfMonth": recurrence.day,
        "firstDayOfWeek": recurrence.first_day.lower(),
        "index": (recurrence.index or "First").lower(),
    }
    if days:
        pattern["daysOfWeek"] = [day.lower() for day in days]
    kind, end = "noEnd", _NEVER
    if recurrence.count is not None:
        kind = "numbered"
    elif recurrence.until is not None:
        kind, end = "endDate", recurrence.until.isoformat()
    begin = recurrence.start or occurrence_dates.local_date(meeting, meeting.start)
    return {
        "pattern": pattern,
        "range": {
            "type": kind,
            "startDate": begin.isoformat(),
            "endDate": end,
            "recurrenceTimeZone": (
                "Customized Time Zone" if meeting.zone_rules else meeting.zone
            ),
            "numberOfOccurrences": recurrence.count or 0,
        },
    }


def read(value: Any) -> SeriesRecurrence | None:
    """Return the recurrence in a patternedRecurrence. Raises `GraphError`."""
    if value is None:
        return None
    pattern = _part(value, "pattern")
    bounds = _part(value, "range")
    kinds = {text.lower(): each for each, text in _TYPES.items()}
    kind = kinds.get(str(pattern.get("type", "")).lower())
    if kind is None:
        raise _invalid(f"pattern.type: must be one of {', '.join(_TYPES.values())}")
    fields: dict[str, Any] = {"interval": _whole(pattern, "interval", 1)}
    days = tuple(str(day).capitalize() for day in pattern.get("daysOfWeek") or ())
    if kind is Pattern.WEEKLY:
        fields["days"] = days
        fields["first_day"] = str(
            pattern.get("firstDayOfWeek") or "sunday"
        ).capitalize()
    if kind in (Pattern.MONTHLY_ON, Pattern.YEARLY_ON):
        fields["index"] = str(pattern.get("index") or "first").capitalize()
        fields["days"] = days
        for name, group in _GROUPS.items():
            if set(days) == set(group):
                fields["days"] = (name,)
        if fields["index"] not in INDEXES:
            raise _invalid(f"pattern.index: must be one of {', '.join(INDEXES)}")
    if kind in (Pattern.MONTHLY, Pattern.YEARLY):
        fields["day"] = _whole(pattern, "dayOfMonth", 0)
    if kind in (Pattern.YEARLY, Pattern.YEARLY_ON):
        month = _whole(pattern, "month", 0)
        if not 1 <= month <= len(MONTHS):
            raise _invalid("pattern.month: must be from 1 to 12")
        fields["month"] = MONTHS[month - 1]
    if kind is Pattern.YEARLY or kind is Pattern.YEARLY_ON:
        del fields["interval"]
    match str(bounds.get("type", "")).lower():
        case "numbered":
            fields["count"] = _whole(bounds, "numberOfOccurrences", 0)
        case "enddate":
            fields["until"] = _date(bounds, "endDate")
        case "noend":
            pass
        case _:
            raise _invalid("range.type: must be endDate, noEnd or numbered")
    try:
        return SeriesRecurrence(
            pattern=kind, start=_date(bounds, "startDate"), **fields
        )
    except ValueError as error:
        raise _invalid(str(error)) from None


def _part(value: Any, name: str) -> dict[str, Any]:
    part = value.get(name) if isinstance(value, dict) else None
    if not isinstance(part, dict):
        raise _invalid(f"{name}: is missing")
    return part


def _whole(part: dict[str, Any], name: str, default: int) -> int:
    value = part.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid(f"{name}: must be a whole number")
    return value


def _date(part: dict[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(str(part.get(name)))
    except ValueError:
        raise _invalid(f"{name}: must be a date such as 2026-12-01") from None


def _invalid(text: str) -> GraphError:
    return GraphError("ErrorInvalidRequest", f"recurrence: {text}.")
