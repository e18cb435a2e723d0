"""The bookings that an endpoint is sent: a screen's list, within its bounds. Pure.

The vendor prints bounds for single bookings and none for a list; what is sent stays
within the printed ones, since one booking that is refused takes the whole list along.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from pexschedd.onetouch.invitation.characters import readable_line
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting

MOST_BOOKINGS = 100
LONGEST_TEXT = 128
"""Characters of an id, a title, a name or a number."""
LONGEST_BOOKING = timedelta(minutes=1440)
"""A meeting that is longer is sent as several bookings, one after the other."""
MOST_PIECES = 7
"""Bookings of one meeting, beginning with the one that is on now."""

_UNFIT = {0xFFFE: None, 0xFFFF: None}
"""Characters that XML does not have, beside those that `readable_line` takes away."""
_MINUTE = timedelta(minutes=1)


class RoomBooking(msgspec.Struct, frozen=True, kw_only=True):
    """One booking of an endpoint. `number` is empty if there is nothing to dial."""

    id: str
    title: str
    organizer_name: str
    organizer_email: str
    is_private: bool
    start: datetime
    """Aware, in UTC."""
    minutes: int
    start_buffer: int
    """Seconds before the start from which on Join can be pressed."""
    end_buffer: int
    number: str
    protocol: str
    """SIP or H323."""
    platform: str

    @property
    def end(self) -> datetime:
        """The end of the booking, without its buffer."""
        return self.start + self.minutes * _MINUTE


def bookings_of(
    meetings: Iterable[ScreenMeeting], now: datetime
) -> tuple[RoomBooking, ...]:
    """Return the bookings for a screen's list: the next ones, without those that are
    over, in the order of their starts."""
    found: list[RoomBooking] = []
    for meeting in meetings:
        if meeting.join_until <= now and meeting.end <= now:
            continue
        found += _pieces(meeting, now)
    found.sort(key=lambda booking: (booking.start, booking.id))
    return tuple(found[:MOST_BOOKINGS])


def digest_of(bookings: Sequence[RoomBooking]) -> str:
    """Return a text that is the same for the same bookings, and tells nothing of
    them."""
    return hashlib.sha256(msgspec.json.encode(bookings)).hexdigest()[:32]


def _pieces(meeting: ScreenMeeting, now: datetime) -> Iterator[RoomBooking]:
    """Yield the meeting's bookings: one, or consecutive ones of a day each."""
    start, end = meeting.start, max(meeting.end, meeting.start + _MINUTE)
    whole = math.ceil((end - start) / LONGEST_BOOKING)
    first = max(0, math.ceil((now - start) / LONGEST_BOOKING) - 1)
    first = min(first, whole - 1)
    for number in range(first, min(whole, first + MOST_PIECES)):
        begins = start + number * LONGEST_BOOKING
        ends = min(end, begins + LONGEST_BOOKING)
        buffer_before = meeting.start - meeting.join_from if number == 0 else None
        buffer_after = meeting.join_until - meeting.end if ends == end else None
        yield _booking(
            meeting,
            f"-{number}" if number else "",
            begins,
            math.ceil((ends - begins) / _MINUTE),
            _seconds(buffer_before),
            _seconds(buffer_after),
        )


def _booking(
    meeting: ScreenMeeting,
    suffix: str,
    start: datetime,
    minutes: int,
    start_buffer: int,
    end_buffer: int,
) -> RoomBooking:
    details = meeting.details
    number = _dialled(details.alias) if details else ""
    # An Exchange id is longer than an endpoint's may be, and case matters in it.
    id = hashlib.sha256(meeting.item_id.encode("utf-8", "replace")).hexdigest()[:32]
    return RoomBooking(
        id=id + suffix,
        title=_text(meeting.title) or "Meeting",
        organizer_name=(
            _text(meeting.organizer_name) or _text(meeting.organizer_email) or "Unknown"
        ),
        organizer_email=_text(meeting.organizer_email),
        is_private=meeting.is_private,
        start=start.astimezone(UTC),
        minutes=minutes,
        start_buffer=start_buffer,
        end_buffer=end_buffer,
        number=number,
        protocol=details.protocol if details else "SIP",
        platform=details.platform if details else "Other",
    )


def _dialled(alias: str) -> str:
    """An alias that an endpoint can be told; empty for one that it cannot: half of it
    would lead elsewhere."""
    alias = alias.strip()
    fits = 0 < len(alias) <= LONGEST_TEXT and alias.isprintable()
    return alias if fits and not any(c.isspace() for c in alias) else ""


def _text(text: str) -> str:
    return readable_line(text.translate(_UNFIT), LONGEST_TEXT)


def _seconds(buffer: timedelta | None) -> int:
    return max(0, int(buffer.total_seconds())) if buffer is not None else 0
