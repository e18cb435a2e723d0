"""Meeting messages as iCalendar (RFC 5545, 5546), as Exchange writes them."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from pexschedd.sandbox.items import ids, occurrence_dates, timezones
from pexschedd.sandbox.items.records import (
    Attendee,
    CalendarType,
    Item,
    ItemKind,
    MailboxUser,
    Meeting,
    ResponseType,
    Role,
)
from pexschedd.sandbox.items.recurrence import DAYS, INDEXES, MONTHS, Pattern
from pexschedd.sandbox.items.timezones import ZoneChange

METHODS = {
    ItemKind.REQUEST: "REQUEST",
    ItemKind.CANCELLATION: "CANCEL",
    ItemKind.RESPONSE: "REPLY",
}
_FREQUENCIES = {
    Pattern.DAILY: "DAILY",
    Pattern.WEEKLY: "WEEKLY",
    Pattern.MONTHLY: "MONTHLY",
    Pattern.MONTHLY_ON: "MONTHLY",
    Pattern.YEARLY: "YEARLY",
    Pattern.YEARLY_ON: "YEARLY",
}
_DAYS = {day: day[:2].upper() for day in DAYS[:7]}
_GROUPS = {"Day": DAYS[:7], "Weekday": DAYS[:5], "WeekendDay": DAYS[5:7]}
_PARTICIPATION = {
    ResponseType.ACCEPT: "ACCEPTED",
    ResponseType.TENTATIVE: "TENTATIVE",
    ResponseType.DECLINE: "DECLINED",
}
_ROLES = {
    Role.REQUIRED: "REQ-PARTICIPANT",
    Role.OPTIONAL: "OPT-PARTICIPANT",
    Role.RESOURCE: "NON-PARTICIPANT",
}
_FOLD = 73


def written(item: Item, meeting: Meeting) -> str:
    """Return the calendar that a meeting message carries."""
    lines = [
        "BEGIN:VCALENDAR",
        f"METHOD:{METHODS[item.kind]}",
        "PRODID:Microsoft Exchange Server 2010",
        "VERSION:2.0",
        *_zone(meeting),
        *_event(item, meeting),
        "END:VCALENDAR",
    ]
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _event(item: Item, meeting: Meeting) -> list[str]:
    lines = [
        "BEGIN:VEVENT",
        *_people(item, meeting),
        f"SUMMARY;LANGUAGE=en-US:{_escaped(item.subject)}",
        _time("DTSTART", meeting.start, meeting),
        _time("DTEND", meeting.end, meeting),
        f"UID:{ids.uid(meeting.goid)}",
        f"DTSTAMP:{_utc(meeting.critical_change)}",
        f"SEQUENCE:{meeting.sequence}",
        f"STATUS:{'CANCELLED' if meeting.cancelled else 'CONFIRMED'}",
        f"LOCATION;LANGUAGE=en-US:{_escaped(meeting.location)}",
        f"DESCRIPTION;LANGUAGE=en-US:{_escaped(item.body.text)}",
    ]
    if meeting.recurrence_id is not None:
        lines.append(_time("RECURRENCE-ID", meeting.recurrence_id, meeting))
    if meeting.recurrence is not None:
        lines.append(f"RRULE:{_rule(meeting)}")
        lines += [_time("EXDATE", each, meeting) for each in meeting.deleted]
    if meeting.type is CalendarType.MASTER or meeting.recurrence_id is None:
        lines.append(f"X-MICROSOFT-CDO-APPT-SEQUENCE:{meeting.sequence}")
    lines.append("END:VEVENT")
    return lines


def _people(item: Item, meeting: Meeting) -> list[str]:
    organizer = f"ORGANIZER;{_named(meeting.organizer)}"
    if item.kind is not ItemKind.RESPONSE:
        return [organizer, *(_attendee(each) for each in meeting.attendees)]
    state = _PARTICIPATION.get(item.response, "NEEDS-ACTION")
    me = item.author or MailboxUser("", "")
    return [organizer, f"ATTENDEE;PARTSTAT={state};{_named(me)}"]


def _attendee(each: Attendee) -> str:
    role = _ROLES[each.role]
    kind = "CUTYPE=RESOURCE;" if each.role is Role.RESOURCE else ""
    state = "PARTSTAT=NEEDS-ACTION;RSVP=TRUE"
    return f"ATTENDEE;{kind}ROLE={role};{state};{_named(each.person)}"


def _named(person: MailboxUser) -> str:
    name = re.sub(r'["\r\n;:,]', "", person.name)
    return f'CN="{name}":mailto:{person.address}'


def _time(name: str, moment: datetime, meeting: Meeting) -> str:
    local = moment.astimezone(occurrence_dates.zone(meeting))
    if meeting.all_day:
        return f"{name};VALUE=DATE:{local:%Y%m%d}"
    return f'{name};TZID="{meeting.zone}":{local:%Y%m%dT%H%M%S}'


def _rule(meeting: Meeting) -> str:
    recurrence = meeting.recurrence
    if recurrence is None:
        return ""
    parts = [f"FREQ={_FREQUENCIES[recurrence.pattern]}"]
    if recurrence.count is not None:
        parts.append(f"COUNT={recurrence.count}")
    if recurrence.until is not None:
        zone = occurrence_dates.zone(meeting)
        clock = meeting.start.astimezone(zone).time()
        last = datetime.combine(recurrence.until, clock, zone)
        parts.append(
            f"UNTIL={last:%Y%m%d}" if meeting.all_day else f"UNTIL={_utc(last)}"
        )
    parts.append(f"INTERVAL={recurrence.interval}")
    days = [day for each in recurrence.days for day in _GROUPS.get(each, (each,))]
    if days:
        parts.append("BYDAY=" + ",".join(_DAYS[day] for day in days))
    if recurrence.day:
        parts.append(f"BYMONTHDAY={recurrence.day}")
    if recurrence.month:
        parts.append(f"BYMONTH={MONTHS.index(recurrence.month) + 1}")
    if recurrence.index:
        last_one = recurrence.index == "Last"
        position = -1 if last_one else INDEXES.index(recurrence.index) + 1
        parts.append(f"BYSETPOS={position}")
    if recurrence.pattern is Pattern.WEEKLY:
        parts.append(f"WKST={_DAYS[recurrence.first_day]}")
    return ";".join(parts)


def _zone(meeting: Meeting) -> list[str]:
    """Return the definition of a meeting's zone, by the rules of its year."""
    year = meeting.start.year
    if meeting.zone_rules:
        offset = _offset(occurrence_dates.zone(meeting), meeting.start)
        standard = daylight = offset
        changes: tuple[ZoneChange, ...] = ()
    else:
        standard, daylight, changes = timezones.yearly_rules(meeting.zone, year)
    parts = {each.to_daylight: each for each in changes}
    lines = ["BEGIN:VTIMEZONE", f"TZID:{meeting.zone}"]
    lines += _observance("STANDARD", daylight, standard, parts.get(False))
    if changes:
        lines += _observance("DAYLIGHT", standard, daylight, parts.get(True))
    return [*lines, "END:VTIMEZONE"]


def _observance(
    name: str, before: timedelta, after: timedelta, change: ZoneChange | None
) -> list[str]:
    lines = [f"BEGIN:{name}"]
    if change is None:
        lines.append("DTSTART:16010101T000000")
    else:
        clock = datetime(1601, 1, 1, tzinfo=UTC) + change.after_midnight
        day = f"{change.occurrence}{_DAYS[change.weekday]}"
        lines += [
            f"DTSTART:16010101T{clock:%H%M%S}",
            f"RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY={day};BYMONTH={change.month}",
        ]
    lines += [f"TZOFFSETFROM:{_hours(before)}", f"TZOFFSETTO:{_hours(after)}"]
    return [*lines, f"END:{name}"]


def _hours(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    text = re.sub(r"([\\;,])", r"\\\1", text)
    return re.sub(r"\r\n|\r|\n", r"\\n", text)


def _folded(line: str) -> list[str]:
    """Return a line in pieces of at most 75 bytes, the later ones indented."""
    pieces, piece = [], ""
    for char in line:
        if len((piece + char).encode()) > _FOLD:
            pieces.append(piece)
            piece = " "
        piece += char
    return [*pieces, piece]
