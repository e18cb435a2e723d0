"""The bookings that an endpoint is sent, in both forms."""

from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pexschedd.model.onetouch.room_calendar import JoinDetails
from pexschedd.onetouch.cisco.bookings_document import bookings_document
from pexschedd.onetouch.cisco.bookings_put import list_command, put_command
from pexschedd.onetouch.pushing.bookings import (
    MOST_BOOKINGS,
    MOST_PIECES,
    RoomBooking,
    bookings_of,
    digest_of,
)
from pexschedd.onetouch.pushing.software import Software
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting
from tests.onetouch.cisco.cisco_support import (
    DETAILS,
    HOUR,
    MINUTE,
    NOW,
    PublishedBooking,
    published,
    screen_meeting,
)
from tests.thorough import examples

NEW = Software("RoomOS 11.24.4.1")


def put(*meetings: ScreenMeeting, software: Software = NEW) -> list[PublishedBooking]:
    return published(put_command(bookings_of(meetings, NOW), software))


def documented(*meetings: ScreenMeeting) -> list[Any]:
    root = etree.fromstring(bookings_document(bookings_of(meetings, NOW)))
    assert all(e.get("item") for e in root.iter())
    return root.findall("Booking")


def test_a_meeting_has_all_published_fields() -> None:
    """A usual meeting is a booking with its times, its organizer and its number."""
    (booking,) = put(screen_meeting(join_until=NOW + 2.5 * HOUR))
    assert len(booking.Id) == 32
    booking.Id = booking.MeetingId = "x"
    assert msgspec.to_builtins(booking) == {
        "Id": "x",
        "MeetingId": "x",
        "Title": "Plan",
        "Agenda": "",
        "Privacy": "Public",
        "Protocol": "SIP",
        "MeetingPlatform": "Zoom",
        "MetaInfo": "",
        "Time": {
            "StartTime": "2026-12-01T13:00:00Z",
            "Duration": 60,
            "StartTimeBuffer": 300,
            "EndTimeBuffer": 1800,
        },
        "Organizer": {"Name": "Jane Doe", "Email": "jane@example.com", "Id": ""},
        "Number": "123.456@zoomcrc.com",
        "CallType": "Video",
        "Encryption": None,
    }


def test_the_older_document_has_the_same() -> None:
    """The document has the times, the organizer and the call in its own elements."""
    (booking,) = documented(screen_meeting(is_private=True))
    expected = {
        "Title": "Plan",
        "Privacy": "Private",
        "Organizer/FirstName": "Jane Doe",
        "Organizer/Email": "jane@example.com",
        "Time/StartTime": "2026-12-01T13:00:00Z",
        "Time/EndTime": "2026-12-01T14:00:00Z",
        "Time/StartTimeBuffer": "300",
        "Time/EndTimeBuffer": "0",
        "DialInfo/Calls/Call/Number": "123.456@zoomcrc.com",
        "DialInfo/Calls/Call/Protocol": "SIP",
        "DialInfo/ConnectMode": "OBTP",
    }
    assert {path: booking.findtext(path) for path in expected} == expected


def test_nothing_to_dial() -> None:
    """A meeting without a number says None where that is known, and has no call in
    the document."""
    bare = screen_meeting(details=None)
    (new,) = put(bare)
    assert (new.Number, new.Protocol, new.MeetingPlatform) == ("", "None", "None")
    (older,) = put(bare, software=Software("RoomOS 11.14.4.0"))
    assert (older.Number, older.Protocol, older.MeetingPlatform) == ("", "SIP", "Other")
    (document,) = documented(bare)
    assert not len(document.find("DialInfo/Calls"))


@pytest.mark.parametrize(
    ("version", "platform"),
    [("ce9.15.17.4", None), ("RoomOS 10.19.4.2", "Zoom"), ("", "Zoom")],
)
def test_fields_that_older_software_does_not_know(
    version: str, platform: str | None
) -> None:
    """The service is named from the software on that knows of services."""
    (booking,) = put(screen_meeting(), software=Software(version))
    assert booking.MeetingPlatform == platform


@pytest.mark.parametrize(
    "alias", ["", "1" * 129, "a b@c.example", "1\n2@c.example", "1\x002@c.example"]
)
def test_an_alias_that_does_not_fit_is_no_number(alias: str) -> None:
    """Half an alias would lead elsewhere: the meeting is shown without Join."""
    details = msgspec.structs.replace(DETAILS, alias=alias)
    (booking,) = put(screen_meeting(details=details))
    assert booking.Number == ""


HOSTILE = [
    "</Title><Number>1</Number>",
    "</body></Put><Put><body>",
    '","Number":"evil@x.example',
    "a & b < c > d ]]> e",
    'quote " and \\ backslash \\u0000',
    "\x00\x01\x1b[31m bell\x07",
    "two\nlines\r\n\tand \u2028 more",
    "\ufffe\uffff\ud800 lone",
    "\u202egnp.exe",
    "&lt;&#x0;&amp;",
    "日本語 😀" * 40,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_titles_stay_titles(text: str) -> None:
    """No title becomes an element, a member or a control character."""
    meeting = screen_meeting(title=text, organizer_name=text, organizer_email=text)
    (booking,) = put(meeting)
    assert booking.Number == DETAILS.alias
    (document,) = documented(meeting)
    assert document.findtext("Title") == booking.Title
    assert document.findtext("DialInfo/Calls/Call/Number") == DETAILS.alias
    assert len(booking.Title) <= 128


def test_empty_names() -> None:
    """Required fields are never empty."""
    nobody = screen_meeting(title="\x00", organizer_name="", organizer_email="")
    (booking,) = put(nobody)
    assert (booking.Title, booking.Organizer.Name) == ("Meeting", "Unknown")
    (booking,) = put(screen_meeting(organizer_name=""))
    assert booking.Organizer.Name == "jane@example.com"


def test_what_is_over_is_left_out() -> None:
    """A meeting is sent while it can be joined, and not any longer."""
    over = screen_meeting(-2, item_id="over")
    still = screen_meeting(-1.5, 1, item_id="still", join_until=NOW + MINUTE)
    ended = screen_meeting(-1, 1, item_id="ended")
    assert len(put(over, still, ended)) == 1


def test_a_long_list_is_cut() -> None:
    """Of too many meetings the next ones are sent."""
    many = [screen_meeting(n, item_id=str(n)) for n in range(MOST_BOOKINGS + 20)]
    found = put(*reversed(many))
    assert len(found) == MOST_BOOKINGS
    assert found[0].Time.StartTime == "2026-12-01T12:00:00Z"


def test_a_long_meeting_is_sent_in_pieces() -> None:
    """A meeting of several days can be joined on each of them."""
    start = NOW - 30 * HOUR
    meeting = screen_meeting(-30, 80, join_until=start + 81 * HOUR)
    found = put(meeting)
    times = [(b.Time.StartTime, b.Time.Duration) for b in found]
    assert times == [
        ("2026-12-01T06:00:00Z", 1440),
        ("2026-12-02T06:00:00Z", 1440),
        ("2026-12-03T06:00:00Z", 480),
    ]
    buffers = [(b.Time.StartTimeBuffer, b.Time.EndTimeBuffer) for b in found]
    assert buffers == [(0, 0), (0, 0), (0, 3600)]


def test_a_meeting_of_a_year_is_bounded() -> None:
    """Of a very long meeting the next days are sent."""
    found = put(screen_meeting(-24 * 100, 24 * 365))
    assert len(found) == MOST_PIECES
    assert found[0].Time.StartTime == "2026-11-30T12:00:00Z"


def test_all_day_in_another_zone() -> None:
    """Times are sent in UTC, whatever zone they came in."""
    zone = timezone(timedelta(hours=14))
    start = datetime(2026, 12, 2, tzinfo=zone)
    day = screen_meeting(
        is_all_day=True,
        start=start,
        end=start + 24 * HOUR,
        join_from=start,
        join_until=start + 24 * HOUR,
    )
    (booking,) = put(day)
    assert booking.Time.StartTime == "2026-12-01T10:00:00Z"
    assert booking.Time.Duration == 1440


TEXTS = st.text(max_size=300)
DETAILS_OF_ALL_KINDS = st.none() | st.builds(
    JoinDetails,
    alias=TEXTS,
    protocol=st.sampled_from(["SIP", "H323"]),
    platform=st.sampled_from(["MicrosoftTeams", "Zoom", "Webex", "GoogleMeet"]),
    rule=TEXTS,
)


@st.composite
def meetings(draw: st.DrawFn) -> ScreenMeeting:
    start = NOW + draw(st.integers(-3000, 100_000)) * MINUTE
    end = start + draw(st.integers(0, 10_000)) * MINUTE
    return screen_meeting(
        item_id=draw(TEXTS),
        title=draw(TEXTS),
        organizer_name=draw(TEXTS),
        organizer_email=draw(TEXTS),
        start=start,
        end=end,
        is_private=draw(st.booleans()),
        join_from=start - draw(st.integers(0, 180)) * MINUTE,
        join_until=end + draw(st.integers(0, 180)) * MINUTE,
        details=draw(DETAILS_OF_ALL_KINDS),
    )


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(meetings(), max_size=6, unique_by=lambda m: m.item_id))
def test_whatever_the_list_it_is_taken(listed: list[ScreenMeeting]) -> None:
    """Any list makes a body of published fields within bounds, and a document."""
    for software in (NEW, Software("ce9.15.17"), Software()):
        found = put(*listed, software=software)
        assert len(found) == len(documented(*listed))
        assert [b.Time.StartTime for b in found] == sorted(
            b.Time.StartTime for b in found
        )


@settings(max_examples=examples(100), deadline=None)
@given(meetings(), meetings())
def test_the_digest_tells_lists_apart(one: ScreenMeeting, other: ScreenMeeting) -> None:
    """Lists that look the same on an endpoint have one digest, others do not."""
    first, second = bookings_of([one], NOW), bookings_of([other], NOW)
    assert (digest_of(first) == digest_of(second)) == (first == second)
    assert digest_of(first) == digest_of(bookings_of([one], NOW))


def test_the_pieces_join_up() -> None:
    """Each booking of a long meeting ends where the next one begins."""
    pieces: tuple[RoomBooking, ...] = bookings_of([screen_meeting(1, 60)], NOW)
    assert [p.start for p in pieces[1:]] == [p.end for p in pieces[:-1]]


@pytest.mark.parametrize(("days", "sent"), [(0, 1), (7, 7), (900, 365)])
def test_days_that_are_listed(days: int, sent: int) -> None:
    """The days of a list stay within the published range."""
    root = etree.fromstring(list_command(days))
    assert root.findtext("Bookings/List/Days") == str(sent)
