"""Invitations from files: mail, calendar, HTML and text."""

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.onetouch.invitation.calendar_file import read_calendar
from pexschedd.onetouch.invitation.decoding import decoded
from pexschedd.onetouch.invitation.files import MOST_BYTES, FileKind, kind_of, read_file
from tests.thorough import examples

CALENDAR = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Berlin
END:VTIMEZONE
BEGIN:VEVENT
UID:040000008200E00074C5
SUMMARY:Plan\\, weekly
LOCATION:https://us02web.zoom.us/j/8490000
 0001
DTSTART;TZID=Europe/Berlin:20261201T100000
DTEND;TZID="Europe/Berlin":20261201T113000
ORGANIZER;CN="Example; Jane":MAILTO:jane@example.com
CLASS:PRIVATE
X-GOOGLE-CONFERENCE:https://meet.google.com/abc-defg-hij
X-ALT-DESC;FMTTYPE=text/html:<p>Dial sip:a@b.example\\; now</p>
DESCRIPTION:Dial\\nby hand
BEGIN:VALARM
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def mail(text: str, subtype: str = "plain", **parts: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Jané Example <jane@example.com>"
    message["Subject"] = "Plän"
    message["X-Meeting-Link"] = "https://acme.webex.com/meet/joe"
    message["X-Mailer"] = "none"
    message.set_content(text, subtype=subtype)
    for kind, content in parts.items():
        message.add_alternative(content, subtype=kind)
    return message


def test_calendar_file_is_read() -> None:
    """An event's texts, times, people and properties, unfolded and unescaped."""
    found = read_calendar(CALENDAR)
    assert found is not None
    assert found.subject == "Plan, weekly"
    assert found.location == "https://us02web.zoom.us/j/84900000001"
    assert found.html == "<p>Dial sip:a@b.example; now</p>"
    assert found.text == "Dial\nby hand"
    assert (found.organizer_name, found.organizer_email) == (
        "Example; Jane",
        "jane@example.com",
    )
    assert found.start == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert found.end == datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
    assert found.is_private
    assert not found.is_cancelled
    assert found.fields["x-google-conference"] == "https://meet.google.com/abc-defg-hij"


@pytest.mark.parametrize(
    ("lines", "start", "end", "is_day"),
    [
        (
            "DTSTART:20261201T100000Z\nDURATION:PT90M",
            "10:00+00:00",
            "11:30+00:00",
            False,
        ),
        ("DTSTART;VALUE=DATE:20261201", "00:00", "00:00", True),
        ("DTSTART;TZID=Nowhere:20261201T100000", "10:00", "10:00", False),
        ("DTSTART;TZID=../../etc/passwd:20261201T100000", "10:00", "10:00", False),
        ("DTSTART:20261399T100000", None, None, False),
        (
            "DTSTART:20261201T100000Z\nDURATION:P9999W",
            "10:00+00:00",
            "10:00+00:00",
            False,
        ),
        ("DTSTART:tomorrow", None, None, False),
    ],
)
def test_times_of_a_calendar_file(
    lines: str, start: str | None, end: str | None, is_day: bool
) -> None:
    """UTC, zones, days and lengths are understood; a wrong time is none."""
    found = read_calendar(f"BEGIN:VEVENT\n{lines}\nEND:VEVENT")
    assert found is not None
    times = [
        None if each is None else each.isoformat(timespec="minutes").partition("T")[2]
        for each in (found.start, found.end)
    ]
    assert times == [start, end]
    assert found.is_all_day is is_day


def test_series_counts_rather_than_its_changed_occurrence() -> None:
    """Of several events, the first one counts that is no exception of another."""
    changed = "BEGIN:VEVENT\nRECURRENCE-ID:20261201\nSUMMARY:B\nEND:VEVENT\n"
    series = "BEGIN:VEVENT\nSUMMARY:A\nEND:VEVENT\n"
    for text, subject in (
        (changed + series, "A"),
        (series + changed, "A"),
        (changed, "B"),
    ):
        found = read_calendar(text)
        assert found is not None
        assert found.subject == subject


def test_cancellation() -> None:
    """Both the method and the status say that a meeting is cancelled."""
    for text in (
        "METHOD:CANCEL\nBEGIN:VEVENT\nSUMMARY:A\nEND:VEVENT",
        "BEGIN:VEVENT\nSTATUS:CANCELLED\nEND:VEVENT",
    ):
        found = read_calendar(text)
        assert found is not None
        assert found.is_cancelled


def test_mail_with_a_calendar_part() -> None:
    """The body is the mail's, everything else the event's."""
    message = mail("text", html="<p>Häuser</p>", calendar=CALENDAR)
    found = read_file(message.as_bytes())
    assert found.html.strip() == "<p>Häuser</p>"
    assert found.text.strip() == "text"
    assert found.subject == "Plan, weekly"
    assert found.fields["x-meeting-link"] == "https://acme.webex.com/meet/joe"
    assert "x-mailer" not in found.fields
    assert not found.problems


def test_mail_without_a_calendar_part() -> None:
    """Subject and organizer are the headers', decoded."""
    found = read_file(mail("Dial sip:a@b.example").as_bytes())
    assert (found.subject, found.organizer_name) == ("Plän", "Jané Example")
    assert found.text.strip() == "Dial sip:a@b.example"


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        ("text/plain; charset=windows-1252", "caf\xe9".encode("cp1252"), "café"),
        ("text/plain; charset=nonsense", "café".encode(), "café"),
        ("text/plain; charset=zlib", b"x", "x"),
        ("text/plain; charset=utf-8", b"caf\xe9", "café"),
        ("text/plain", "会议号".encode(), "会议号"),
        ("text/plain; charset=gb2312", "会议号".encode("gb2312"), "会议号"),
        ("text/plain; charset=iso-2022-jp", "会議".encode("iso-2022-jp"), "会議"),
    ],
)
def test_charsets(head: str, body: bytes, text: str) -> None:
    """A wrong or missing charset costs no more than it must."""
    data = f"From: a@b\nSubject: x\nContent-Type: {head}\n\n".encode() + body
    assert read_file(data, FileKind.MAIL).text == text


def test_charset_of_html() -> None:
    """A page's own declaration counts, and so does a byte order mark."""
    assert decoded('<meta charset="big5">會議'.encode("big5")).endswith("會議")
    assert decoded("\ufeffx".encode("utf-16-le")) == "x"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (CALENDAR.encode(), FileKind.CALENDAR),
        (b"\xef\xbb\xbf\r\nBEGIN:VCALENDAR", FileKind.CALENDAR),
        (b"<html><body>x", FileKind.HTML),
        (b"  <p>x</p>", FileKind.HTML),
        (b"Received: by x\r\nFrom: a@b\r\n\r\nHi", FileKind.MAIL),
        (b"Meeting ID: 1\nPasscode: 2\n", FileKind.TEXT),
        (b"From: a\nno header\n", FileKind.TEXT),
        (b"", FileKind.TEXT),
    ],
)
def test_kind_of_a_file(data: bytes, kind: FileKind) -> None:
    """The content says what a file is."""
    assert kind_of(data) is kind


def test_a_sender_that_cannot_be_told() -> None:
    """A mail whose sender is nothing but brackets is read all the same."""
    opened = b"(" * 10_000
    head = b"From: " + opened + b"\r\nSubject: Plan\r\n\r\nDial sip:a@b.example"
    read = read_file(head, FileKind.MAIL)
    assert (read.organizer_name, read.organizer_email) == ("", "")
    assert (read.subject, read.text) == ("Plan", "Dial sip:a@b.example")


def test_bombs_are_refused_in_words() -> None:
    """Too many parts within parts, and files that are too long, say so."""
    nested = b"From: a@b\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n)
        for n in range(150)
    )
    assert "too many parts" in read_file(nested, FileKind.MAIL).problems[0]
    inside = b"From: a@b\n" + b"Content-Type: message/rfc822\n\n" * 5_000
    assert "not a mail" in read_file(inside, FileKind.MAIL).problems[0]
    long = read_file(b"x" * (MOST_BYTES + 1))
    assert str(MOST_BYTES) in long.problems[0]
    assert ".msg" in read_file(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").problems[0]
    assert "no event" in read_file(b"BEGIN:VCALENDAR\n").problems[0]


LINES = [
    "BEGIN:VEVENT",
    "END:VEVENT",
    "BEGIN:VCALENDAR",
    "DTSTART:20261201T100000Z",
    " folded",
    "DTSTART;TZID=Europe/Berlin:99999999T999999",
    'X-A;B="c:d";E=f,g:h\\nx',
    "SUMMARY:a",
    "Content-Type: multipart/mixed; boundary=a",
    "--a",
    "--a--",
    "",
    "From: =?utf-8?b?!?=",
    "Content-Transfer-Encoding: base64",
    'Content-Type: text/calendar; charset="\x00"',
    "Content-Type: message/rfc822",
    "Subject: =?x?q?=FF?=",
    "=?=",
    "\x00",
    "DURATION:P1W",
    "Content-Type: text/html; charset=utf-7",
    "Content-Disposition: attachment",
]


@settings(max_examples=examples(600))
@given(
    st.lists(st.sampled_from(LINES) | st.text(max_size=12), max_size=25),
    st.sampled_from([None, *FileKind]),
)
def test_no_file_makes_reading_fail(lines: list[str], kind: FileKind | None) -> None:
    """Whatever a file holds, there is an invitation, empty perhaps."""
    data = "\n".join(lines).encode("utf-8", "replace")
    assert read_file(data, kind) == read_file(data, kind)
