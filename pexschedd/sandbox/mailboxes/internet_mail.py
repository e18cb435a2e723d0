"""Meetings from outside: iCalendar messages as they arrive by SMTP (RFC 5545, 5546).

Exchange turns each into a meeting message of its own, and keeps the foreign UID within
the global object id.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pexschedd.sandbox.items import bodies, ids, timezones
from pexschedd.sandbox.items.records import (
    Attendee,
    Body,
    CalendarType,
    Item,
    ItemKind,
    MailboxUser,
    Meeting,
    ResponseType,
    Role,
)
from pexschedd.sandbox.items.recurrence import (
    DAYS,
    INDEXES,
    Pattern,
    SeriesRecurrence,
)
from pexschedd.sandbox.mailboxes.mail_transport import MailTransport

_LINE = re.compile(r'([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^;:"]*)+)*):(.*)')
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^;:"]*)')
_ESCAPE = re.compile(r"\\([\\;,nN])")
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_WEEKDAYS = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), DAYS[:7], strict=True))
_INDEXES = dict(zip(("1", "2", "3", "4", "-1"), INDEXES, strict=True))
_SETS_OF_DAYS = {
    **{frozenset((day,)): day for day in DAYS[:7]},
    frozenset(DAYS[:7]): "Day",
    frozenset(DAYS[:5]): "Weekday",
    frozenset(DAYS[5:7]): "WeekendDay",
}
_ANSWERS = {
    "ACCEPTED": ("Pos", ResponseType.ACCEPT),
    "DECLINED": ("Neg", ResponseType.DECLINE),
    "TENTATIVE": ("Tent", ResponseType.TENTATIVE),
}
_SUBJECTS = {"CANCEL": "Canceled: ", "COUNTER": "New Time Proposed: ", "REQUEST": ""}


class IcsError(ValueError):
    """A message that is no meeting message; the text says why."""


class _Property(NamedTuple):
    parameters: dict[str, str]
    value: str

    @property
    def text(self) -> str:
        return _ESCAPE.sub(
            lambda found: "\n" if found[1] in "nN" else found[1], self.value
        )


_Event = dict[str, list[_Property]]


def receive(
    exchange: MailTransport,
    address: str,
    ics: str,
    sender: str = "",
    *,
    body: Body | None = None,
    message_id: str = "",
) -> list[Item]:
    """Deliver what an .ics says to an address, as if a mail with it had come from
    outside: one message for each event. `sender` is another than the event's own;
    `body` and `message_id` are those of the mail, if it has them.

    Returns the messages that have arrived. Raises `IcsError`.
    """
    method, events = _read(ics)
    if not events:
        raise IcsError("the calendar has no event")
    messages = [_message(exchange, method, e, address, sender) for e in events]
    for each in messages:
        each.body = body or each.body
        each.message_id = message_id or each.message_id
    delivered = (exchange.deliver(address, each) for each in messages)
    return [each for each in delivered if each is not None]


def _read(ics: str) -> tuple[str, list[_Event]]:
    method, events, inside = "", [], list[str]()
    for name, found in _properties(ics):
        if name == "BEGIN":
            inside.append(found.value.upper())
            if inside[-1] == "VEVENT":
                events.append(_Event())
        elif name == "END" and inside:
            inside.pop()
        elif name == "METHOD" and inside == ["VCALENDAR"]:
            method = found.value.upper()
        elif inside and inside[-1] == "VEVENT":
            events[-1].setdefault(name, []).append(found)
    if method not in (*_SUBJECTS, "REPLY"):
        raise IcsError(f"METHOD: must be REQUEST, CANCEL, COUNTER or REPLY: {method!r}")
    return method, events


def _properties(ics: str) -> Iterator[tuple[str, _Property]]:
    for line in re.sub(r"\r?\n[ \t]", "", ics).splitlines():
        found = _LINE.fullmatch(line)
        if found is not None:
            parameters = {
                name.upper(): value.strip('"')
                for name, value in _PARAMETER.findall(found[2])
            }
            yield found[1].upper(), _Property(parameters, found[3])
        elif line.strip():
            raise IcsError(f"this is no line of a calendar: {line[:60]!r}")


def _message(
    exchange: MailTransport, method: str, event: _Event, address: str, sender: str
) -> Item:
    meeting = _meeting(event, cancelled=method == "CANCEL")
    answering = method in ("COUNTER", "REPLY")
    author = meeting.organizer
    if answering and meeting.attendees:
        author = meeting.attendees[0].person
    kind, name, response = _kind(method, event)
    now = exchange.now()
    subject = _text(event, "SUMMARY")
    item = Item(
        kind=kind,
        item_class=f"IPM.Schedule.Meeting.{name}",
        subject=bodies.clean_text(_SUBJECTS.get(method, "") + subject),
        body=bodies.from_text(_text(event, "DESCRIPTION")),
        created=now,
        modified=now,
        received=now,
        sent=now,
        author=author,
        sender=MailboxUser(sender, sender) if sender else author,
        to=(exchange.person(address),),
        response=response,
        meeting=meeting,
    )
    item.message_id = exchange.message_id(author.address)
    return item


def _kind(method: str, event: _Event) -> tuple[ItemKind, str, ResponseType]:
    if method == "REQUEST":
        return ItemKind.REQUEST, "Request", ResponseType.UNKNOWN
    if method == "CANCEL":
        return ItemKind.CANCELLATION, "Canceled", ResponseType.UNKNOWN
    # A counter-proposal arrives as a tentative response with other times.
    said = "TENTATIVE"
    if method == "REPLY" and (attendees := event.get("ATTENDEE")):
        said = attendees[0].parameters.get("PARTSTAT", "").upper()
    name, response = _ANSWERS.get(said, _ANSWERS["TENTATIVE"])
    return ItemKind.RESPONSE, f"Resp.{name}", response


def _meeting(event: _Event, *, cancelled: bool) -> Meeting:
    starts = _need(event, "DTSTART")
    start, zone, all_day = _moment(starts)
    if "DTEND" in event:
        end, _, _ = _moment(event["DTEND"][0])
    elif "DURATION" in event:
        end = start + _span(event["DURATION"][0].value)
    else:
        end = start + timedelta(days=1 if all_day else 0)
    original = event.get("RECURRENCE-ID")
    rule = event.get("RRULE")
    kind = CalendarType.SINGLE
    if original:
        kind = CalendarType.EXCEPTION
    elif rule:
        kind = CalendarType.MASTER
    stamp = event.get("DTSTAMP")
    sequence = _text(event, "SEQUENCE")
    return Meeting(
        goid=ids.from_uid(_need(event, "UID").text),
        organizer=_person(_need(event, "ORGANIZER")),
        start=start,
        end=end,
        zone=zone,
        all_day=all_day,
        location=bodies.clean_text(_text(event, "LOCATION")),
        attendees=tuple(
            Attendee(_person(each), _role(each)) for each in event.get("ATTENDEE", ())
        ),
        sequence=int(sequence) if sequence.isdecimal() else 0,
        critical_change=_moment(stamp[0])[0] if stamp else start,
        cancelled=cancelled,
        type=kind,
        recurrence_id=_moment(original[0])[0] if original else None,
        recurrence=_recurrence(rule[0].value, start, zone) if rule else None,
    )


def _need(event: _Event, name: str) -> _Property:
    if name not in event:
        raise IcsError(f"the event has no {name}")
    return event[name][0]


def _text(event: _Event, name: str) -> str:
    return event[name][0].text if name in event else ""


def _person(found: _Property) -> MailboxUser:
    address = re.sub("^mailto:", "", found.value.strip(), flags=re.IGNORECASE)
    return MailboxUser(found.parameters.get("CN", "") or address, address)


def _role(found: _Property) -> Role:
    if found.parameters.get("CUTYPE", "").upper() in ("RESOURCE", "ROOM"):
        return Role.RESOURCE
    optional = found.parameters.get("ROLE", "").upper() == "OPT-PARTICIPANT"
    return Role.OPTIONAL if optional else Role.REQUIRED


def _moment(found: _Property) -> tuple[datetime, str, bool]:
    """Return a time in UTC, its zone's Windows id, and whether it is a whole day."""
    zone = _zone(found.parameters.get("TZID", ""))
    value = found.value.strip()
    try:
        if len(value) == 8:
            day = datetime.strptime(value, "%Y%m%d").replace(
                tzinfo=timezones.read_zone(zone)
            )
            return day.astimezone(UTC), zone, True
        local = datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - its zone follows
    except ValueError:
        raise IcsError(f"this is no time: {value[:60]!r}") from None
    if value.endswith("Z"):
        return local.replace(tzinfo=UTC), "UTC", False
    moment = local.replace(tzinfo=timezones.read_zone(zone)).astimezone(UTC)
    return moment, zone, False


def _zone(name: str) -> str:
    """Return the Windows id of a zone that has one name or the other."""
    if not name or timezones.known(name):
        return name or "UTC"
    try:
        wanted = ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        raise IcsError(f"TZID: there is no zone {name[:60]!r}") from None
    found = (id_ for id_, iana in timezones.zones().items() if iana == wanted)
    return next(found, "UTC")


def _span(text: str) -> timedelta:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise IcsError(f"DURATION: this is none: {text[:60]!r}")
    weeks, days, hours, minutes = (int(each or 0) for each in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


def _recurrence(rule: str, start: datetime, zone: str) -> SeriesRecurrence:
    """Return the rule as Exchange has it. Raises `IcsError` for one that it has not
    (MS-OXCICAL section 2.1.3.2)."""
    parts = dict(each.split("=", 1) for each in rule.upper().split(";") if "=" in each)
    local = start.astimezone(timezones.read_zone(zone))
    try:
        return SeriesRecurrence(
            **_pattern(parts, local),
            start=local.date(),
            count=int(parts["COUNT"]) if "COUNT" in parts else None,
            until=date.fromisoformat(parts["UNTIL"][:8]) if "UNTIL" in parts else None,
        )
    except (ValueError, KeyError):
        raise IcsError(f"RRULE: this makes no sense: {rule[:60]!r}") from None


def _pattern(parts: Mapping[str, str], first: datetime) -> dict[str, Any]:
    """Return the pattern of a rule whose first local start is `first`; raises KeyError
    or ValueError."""
    interval = int(parts.get("INTERVAL", "1"))
    named = parts["BYDAY"].split(",") if "BYDAY" in parts else []
    match parts.get("FREQ", ""):
        case "DAILY":
            return {"pattern": Pattern.DAILY, "interval": interval}
        case "WEEKLY":
            days = [_WEEKDAYS[each] for each in named] or [f"{first:%A}"]
            return {
                "pattern": Pattern.WEEKLY,
                "days": tuple(days),
                "interval": interval,
            }
        case "MONTHLY":
            if not named:
                day = _day_of_month(parts, first)
                return {"pattern": Pattern.MONTHLY, "day": day, "interval": interval}
            index, weekday = _which(parts, named)
            return {
                "pattern": Pattern.MONTHLY_ON,
                "index": index,
                "days": (weekday,),
                "interval": interval,
            }
        case "YEARLY" if interval == 1:
            number = int(parts.get("BYMONTH", first.month))
            month = f"{date(2000, number, 1):%B}"
            if not named:
                day = _day_of_month(parts, first)
                return {"pattern": Pattern.YEARLY, "month": month, "day": day}
            index, weekday = _which(parts, named)
            return {
                "pattern": Pattern.YEARLY_ON,
                "index": index,
                "days": (weekday,),
                "month": month,
            }
    raise ValueError("a frequency that is not known here")


def _day_of_month(parts: Mapping[str, str], first: datetime) -> int:
    """Return the day; -1 is the last one, which Exchange calls the 31st."""
    day = int(parts.get("BYMONTHDAY", first.day))
    return 31 if day == -1 else day


def _which(parts: Mapping[str, str], named: Sequence[str]) -> tuple[str, str]:
    """Return the index and the kind of day, of "2TU" or of "MO,TU" and "BYSETPOS=-1";
    raises KeyError."""
    if len(named) == 1 and named[0][:-2]:
        return _INDEXES[named[0][:-2].removeprefix("+")], _WEEKDAYS[named[0][-2:]]
    index = _INDEXES[parts["BYSETPOS"]]
    return index, _SETS_OF_DAYS[frozenset(_WEEKDAYS[each] for each in named)]
