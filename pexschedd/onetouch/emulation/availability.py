"""GetUserAvailability: when the room is busy. Pure.

Times in the answer are local times of the zone that the client sends along, without any
offset.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pexschedd.onetouch.emulation.dial_text import location_text
from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from pexschedd.onetouch.emulation.finding import overlaps
from pexschedd.onetouch.emulation.serialized_zone import (
    SerializedZone,
    read_serialized_zone,
)
from pexschedd.onetouch.emulation.soap import (
    Element,
    ExchangeRefusal,
    SoapCall,
    add_m,
    add_t,
    child,
    listed,
    needed,
    new_message,
    schema_error,
    text_of,
    whole_number,
    yes_or_no,
)
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting

LONGEST_WINDOW = timedelta(days=62)
MOST_MAILBOXES = 100
_VIEWS = ("MergedOnly", "FreeBusy", "FreeBusyMerged", "Detailed", "DetailedMerged")


def get_user_availability(call: SoapCall, room: EmulatedRoom) -> Element:
    """Answer GetUserAvailability: the own room's times, and no others'."""
    zone = read_serialized_zone(child(call.element, "TimeZone"))
    mailboxes = listed(call.element, "MailboxDataArray", MOST_MAILBOXES)
    options = needed(call.element, "FreeBusyViewOptions")
    window = needed(options, "TimeWindow")
    start = _time(text_of(window, "StartTime"), zone)
    end = _time(text_of(window, "EndTime"), zone)
    if end <= start:
        raise ExchangeRefusal(
            "ErrorInvalidTimeInterval", "The end time is not after the start time."
        )
    if end - start > LONGEST_WINDOW:
        raise ExchangeRefusal(
            "ErrorTimeIntervalTooBig", "The time window is longer than 62 days."
        )
    view = text_of(options, "RequestedView") or "FreeBusy"
    if view not in _VIEWS:
        raise ExchangeRefusal(
            "ErrorInvalidFreeBusyViewType", "The requested view is not known."
        )
    interval = whole_number(
        text_of(options, "MergedFreeBusyIntervalInMinutes") or "30",
        5,
        1440,
        "MergedFreeBusyIntervalInMinutes",
    )
    found = [m for m in room.meetings if overlaps(m, start, end)]
    response = new_message("GetUserAvailabilityResponse")
    answers = add_m(response, "FreeBusyResponseArray")
    is_answered = False
    for mailbox in mailboxes:
        answer = add_m(answers, "FreeBusyResponse")
        if is_answered or not room.is_own(text_of(mailbox, "Email", "Address")):
            bad = add_m(answer, "ResponseMessage", ResponseClass="Error")
            add_m(bad, "MessageText", "The mailbox is not the room of this account.")
            add_m(bad, "ResponseCode", "ErrorNoFreeBusyAccess")
            add_m(bad, "DescriptiveLinkKey", "0")
            continue
        is_answered = True
        good = add_m(answer, "ResponseMessage", ResponseClass="Success")
        add_m(good, "ResponseCode", "NoError")
        shown = add_m(answer, "FreeBusyView")
        add_t(shown, "FreeBusyViewType", view)
        if "Merged" in view:
            merged = _merged(found, start, end, timedelta(minutes=interval))
            add_t(shown, "MergedFreeBusy", merged)
        if view != "MergedOnly":
            events = add_t(shown, "CalendarEventArray")
            for meeting in found:
                is_detailed = view.startswith("Detailed")
                _write_event(events, room, meeting, zone, is_detailed=is_detailed)
    return response


def _write_event(
    parent: Element,
    room: EmulatedRoom,
    meeting: ScreenMeeting,
    zone: SerializedZone,
    *,
    is_detailed: bool,
) -> None:
    event = add_t(parent, "CalendarEvent")
    add_t(
        event, "StartTime", zone.to_local(meeting.start).isoformat(timespec="seconds")
    )
    add_t(event, "EndTime", zone.to_local(meeting.end).isoformat(timespec="seconds"))
    add_t(event, "BusyType", "Busy")
    if not is_detailed:
        return
    details = add_t(event, "CalendarEventDetails")
    add_t(details, "ID", room.id_of(meeting))
    add_t(details, "Subject", meeting.title)
    add_t(details, "Location", location_text(meeting.details))
    add_t(details, "IsMeeting", "true")
    for name in ("IsRecurring", "IsException", "IsReminderSet"):
        add_t(details, name, "false")
    add_t(details, "IsPrivate", yes_or_no(meeting.is_private))


def _merged(
    meetings: Sequence[ScreenMeeting],
    start: datetime,
    end: datetime,
    interval: timedelta,
) -> str:
    """A digit for each interval of the window: 2 is busy, 0 is free."""
    count = -(-(end - start) // interval)
    digits = ["0"] * count
    for meeting in meetings:
        first = max(0, (meeting.start - start) // interval)
        last = min(count, -(-(meeting.end - start) // interval))
        digits[first:last] = "2" * max(0, last - first)
    return "".join(digits)


def _time(text: str, zone: SerializedZone) -> datetime:
    try:
        moment = datetime.fromisoformat(text[:40])
        if moment.tzinfo is None:
            moment = zone.to_utc(moment)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise schema_error(f"'{text[:40]}' is not a valid dateTime.") from None
