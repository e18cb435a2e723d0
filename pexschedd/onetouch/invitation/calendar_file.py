"""An invitation from a calendar file (RFC 5545), or from that part of a mail. Pure.

The first event counts that is not a changed occurrence of another one; if all are, the
last.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pexschedd.onetouch.invitation.characters import one_line
from pexschedd.onetouch.invitation.invitation import MOST_FIELDS, Invitation

MOST_LINES = 20_000
_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9-]{1,80})"
    r"(?P<parameters>(?:;[A-Za-z0-9-]{1,80}=(?:\"[^\"]*\"|[^\";:,]*)(?:,[^;:]*)?)*)"
    r":(?P<value>.*)",
    re.DOTALL,
)
_PARAMETER = re.compile(r";([A-Za-z0-9-]{1,80})=(?:\"([^\"]*)\"|([^\";:,]*))")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TIME = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?")
_DURATION = re.compile(
    r"P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:\d{1,6}S)?)?"
)
_OF_SERVICES = ("CONFERENCE", "CONTACT", "URL")
"""Properties besides `X-…` that may say how to join."""


class CalendarProperty(NamedTuple):
    """One line of a calendar file."""

    name: str
    """In upper case."""
    parameters: dict[str, str]
    value: str


def read_calendar(text: str) -> Invitation | None:
    """Return the invitation of a calendar file; None if it has no event."""
    method = ""
    event: list[CalendarProperty] = []
    inside: list[str] = []
    for each in _properties(text):
        if each.name == "BEGIN":
            inside.append(each.value.upper())
            if inside[-1] == "VEVENT":
                event = []
        elif each.name == "END":
            is_whole = not any(p.name == "RECURRENCE-ID" for p in event)
            if each.value.upper() == "VEVENT" and event and is_whole:
                break
            if inside:
                inside.pop()
        elif inside[-1:] == ["VEVENT"]:
            event.append(each)
        elif each.name == "METHOD":
            method = each.value.upper()
    return _invitation(event, method) if event else None


def _properties(text: str) -> Iterator[CalendarProperty]:
    lines = re.sub(r"\r?\n[ \t]", "", text).splitlines()
    for line in lines[:MOST_LINES]:
        match = _LINE.fullmatch(line)
        if match is not None:
            found = _PARAMETER.finditer(match["parameters"])
            parameters = {p[1].upper(): p[2] or p[3] or "" for p in found}
            yield CalendarProperty(match["name"].upper(), parameters, match["value"])


def _invitation(event: list[CalendarProperty], method: str) -> Invitation:
    first: dict[str, CalendarProperty] = {}
    for each in event:
        first.setdefault(each.name, each)

    def text(name: str) -> str:
        return _plain(first[name].value) if name in first else ""

    html = first.get("X-ALT-DESC")
    is_html = html is not None and "html" in html.parameters.get("FMTTYPE", "").lower()
    organizer = first.get("ORGANIZER", CalendarProperty("", {}, ""))
    start, is_day = _time(first.get("DTSTART"))
    end, _ = _time(first.get("DTEND"))
    if end is None and start is not None:
        end = _after(start, text("DURATION"), timedelta(days=1 if is_day else 0))
    fields = {
        each.name.lower(): _plain(each.value)
        for each in event
        if each.name in _OF_SERVICES
        or (each.name.startswith("X-") and each.name != "X-ALT-DESC")
    }
    return Invitation(
        subject=one_line(text("SUMMARY"), 1_000),
        location=text("LOCATION"),
        html=_plain(html.value) if html is not None and is_html else "",
        text=text("DESCRIPTION"),
        organizer_name=one_line(organizer.parameters.get("CN", ""), 250),
        organizer_email=one_line(re.sub("(?i)^mailto:", "", organizer.value), 320),
        uid=text("UID"),
        start=start,
        end=end,
        is_all_day=is_day,
        is_private=text("CLASS").upper() in ("PRIVATE", "CONFIDENTIAL"),
        is_cancelled=method == "CANCEL" or text("STATUS").upper() == "CANCELLED",
        fields=dict(list(fields.items())[:MOST_FIELDS]),
    )


def _plain(value: str) -> str:
    return _ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], value)


def _time(written: CalendarProperty | None) -> tuple[datetime | None, bool]:
    """A point in time, naive if its zone is not known, and whether it is a day."""
    match = _TIME.fullmatch(written.value) if written else None
    if match is None or written is None:
        return None, False
    zone = UTC if match[7] else _zone(written.parameters.get("TZID", ""))
    try:
        numbers = [int(number or 0) for number in match.groups()[:6]]
        year, month, day, hour, minute, second = numbers
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
    except ValueError:
        return None, False
    return moment, match[4] is None


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):
        return None


def _after(start: datetime, written: str, usual: timedelta) -> datetime:
    match = _DURATION.fullmatch(written)
    if match is None:
        return start + usual
    weeks, days, hours, minutes = (int(number or 0) for number in match.groups())
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    try:
        return start + length
    except OverflowError:
        return start
