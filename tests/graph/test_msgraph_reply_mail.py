"""Mails of our own: what mail programs and Exchange make of them."""

import re
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.graph.answering.reply_mail import (
    MAX_COMMENT,
    MAX_HTML,
    MAX_LINE,
    CalendarReply,
    ReplyMail,
    reply_id,
    written,
)
from pexschedd.model.fields.addresses import is_plain_address
from pexschedd.model.meeting import Person
from pexschedd.sandbox import ItemKind, internet_mail
from tests.sandbox.graph.graph_support import ALICE, EQUIPMENT, MEETING, GraphSandbox

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
REPLY = CalendarReply(
    uid="040000008200E00074C5B7101A82E00800000000AABB",
    status="ACCEPTED",
    organizer=Person("Alice Archer", ALICE),
    sequence=3,
    start=MEETING,
    end=MEETING + timedelta(hours=1),
)
MAIL = ReplyMail(
    message_id="<abc@example.test>",
    sender=EQUIPMENT,
    recipient=Person("Archer, Alice", ALICE),
    subject="Accepted: Wöchentlich; oft, sehr",
    html="<p>Treffen: <b>Raum 5</b> – <a href='https://x.test/?a=1&amp;b'>hier</a></p>",
    text="Treffen: Raum 5 – hier <https://x.test/?a=1&b>",
    date=NOW,
    in_reply_to="<q.1@mail.test>",
    reply=REPLY,
)


def read(mail: ReplyMail) -> Any:
    raw = written(mail)
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    return message_from_bytes(raw, policy=policy.default)


def calendar(mail: ReplyMail) -> str:
    (part,) = (
        each for each in read(mail).walk() if each.get_content_type() == "text/calendar"
    )
    assert part.get_param("method") == "REPLY"
    found: str = part.get_content()
    return found


def unfolded(text: str) -> list[str]:
    assert max(len(line.encode()) for line in text.splitlines()) <= 75
    return re.sub(r"\r?\n[ \t]", "", text).splitlines()


def test_the_headers() -> None:
    """Who writes to whom, about what, in reply to what; and that no person did."""
    mail = read(MAIL)
    assert mail["from"].addresses[0].addr_spec == EQUIPMENT
    (to,) = mail["to"].addresses
    assert (to.display_name, to.addr_spec) == ("Archer, Alice", ALICE)
    assert mail["subject"] == "Accepted: Wöchentlich; oft, sehr"
    assert mail["date"].datetime == NOW
    assert mail["message-id"] == "<abc@example.test>"
    assert mail["in-reply-to"] == mail["references"] == "<q.1@mail.test>"
    assert mail["auto-submitted"] == "auto-replied"
    assert not mail.defects


def test_the_texts() -> None:
    """The HTML is as it was given, and there is a text for who sees none."""
    mail = read(MAIL)
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.get_body(("html",)).get_content().strip() == MAIL.html
    assert mail.get_body(("plain",)).get_content().strip() == MAIL.text


def test_a_plain_reply_has_no_calendar() -> None:
    """A mail to a sender who is nobody's organizer is no meeting response."""
    mail = read(msgspec.structs.replace(MAIL, reply=None))
    kinds = [each.get_content_type() for each in mail.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]


def test_the_calendar() -> None:
    """The response names the meeting, its version, its organizer and the attendee."""
    lines = unfolded(calendar(MAIL))
    assert lines[:4] == [
        "BEGIN:VCALENDAR",
        "PRODID:-//pexschedd//EN",
        "VERSION:2.0",
        "METHOD:REPLY",
    ]
    for line in (
        f"UID:{REPLY.uid}",
        "SEQUENCE:3",
        "DTSTAMP:20261201T093000Z",
        "DTSTART:20261201T090000Z",
        "DTEND:20261201T100000Z",
        f'ORGANIZER;CN="Alice Archer":mailto:{ALICE}',
        f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{EQUIPMENT}",
        r"SUMMARY:Accepted: Wöchentlich\; oft\, sehr",
    ):
        assert line in lines
    assert not [line for line in lines if line.startswith("RECURRENCE-ID")]


@pytest.mark.parametrize(
    ("original", "line"),
    [
        (MEETING, "RECURRENCE-ID:20261201T090000Z"),
        (date(2026, 12, 1), "RECURRENCE-ID;VALUE=DATE:20261201"),
    ],
)
def test_an_occurrence(original: datetime | date, line: str) -> None:
    """An occurrence is named by its original start, or by its day."""
    reply = msgspec.structs.replace(REPLY, recurrence_id=original, all_day=True)
    lines = unfolded(calendar(msgspec.structs.replace(MAIL, reply=reply)))
    assert line in lines
    assert "DTSTART;VALUE=DATE:20261201" in lines


@pytest.mark.parametrize("status", ["ACCEPTED", "DECLINED"])
def test_exchange_takes_it_as_a_response(status: str) -> None:
    """The organizer's meeting has the attendee's answer."""
    sandbox = GraphSandbox()
    meeting = sandbox.invite(EQUIPMENT)
    assert meeting.meeting is not None
    uid = meeting.meeting.goid.hex().upper()
    reply = msgspec.structs.replace(REPLY, uid=uid, status=status)
    text = calendar(msgspec.structs.replace(MAIL, reply=reply))
    (item,) = internet_mail.receive(sandbox.exchange, ALICE, text)
    assert item.kind is ItemKind.RESPONSE
    (attendee,) = meeting.meeting.attendees
    assert attendee.response.value == {"ACCEPTED": "Accept"}.get(status, "Decline")


HOSTILE = st.text(max_size=300) | st.sampled_from(
    ["\r\nBcc: x@y.test", "a\x00b", "\ud800", '"; x="', "\u2028X", "=?utf-8?q?x?=", ","]
)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_hostile_texts(subject: str, name: str, uid: str, replied: str) -> None:
    """Whatever a message says, there is one mail to one recipient, and one property to
    a line."""
    person = Person(name, ALICE)
    mail = msgspec.structs.replace(
        MAIL,
        subject=subject,
        html=subject,
        text=subject,
        recipient=person,
        in_reply_to=replied,
        reply=msgspec.structs.replace(REPLY, uid=uid, organizer=person),
    )
    found = read(mail)
    assert [each.addr_spec for each in found["to"].addresses] == [ALICE]
    assert found["bcc"] is None
    assert len(found["subject"] or "") <= MAX_LINE
    names = [re.split("[:;]", line)[0] for line in unfolded(calendar(mail))]
    wanted = ["BEGIN", "PRODID", "VERSION", "METHOD", "BEGIN", "UID", "SEQUENCE"]
    wanted += ["DTSTAMP", "DTSTART", "DTEND", "ORGANIZER", "ATTENDEE", "SUMMARY"]
    ends = ["REQUEST-STATUS", "END", "END"]
    assert names in ([*wanted, *ends], [*wanted, "COMMENT", *ends])


@given(st.text(alphabet=st.sampled_from("aö€😀\\;,\n\r"), max_size=400))
def test_texts_of_a_calendar_come_back(text: str) -> None:
    """Folded within no character, and escaped so that it reads the same."""
    mail = msgspec.structs.replace(MAIL, text=text)
    (line,) = [
        each for each in unfolded(calendar(mail)) if each.startswith("COMMENT")
    ] or ["COMMENT:"]
    value = line.removeprefix("COMMENT:")
    back = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)
    assert back == re.sub(r"\r\n|\r", "\n", text)
    plain = read(mail).get_body(("plain",)).get_content()
    assert plain.replace("\r\n", "\n") == back


def test_it_is_bounded() -> None:
    """A text without end is cut."""
    endless = "ö" * (MAX_HTML + 10_000)
    mail = msgspec.structs.replace(MAIL, html=endless, text=endless)
    found = read(mail)
    for kind in ("html", "plain"):
        assert len(found.get_body((kind,)).get_content()) == MAX_HTML
    assert calendar(mail).count("ö") == MAX_COMMENT + 1
    assert len(calendar(mail)) < 10_000


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (ALICE, True),
        ("o'neil+x@sub.example.test", True),
        ("", False),
        ("alice", False),
        ("a b@example.test", False),
        ("a@example.test\nBcc: b@example.test", False),
        ("a@example.test,b@example.test", False),
        ("<a@example.test>", False),
        ("ä@example.test", False),
        ("/o=Org/cn=Alice", False),
        ("a@" + "x" * 300, False),
    ],
)
def test_addresses(text: str, valid: bool) -> None:
    """Only what is one plain address is written to."""
    assert is_plain_address(text) is valid
    if not valid:
        with pytest.raises(ValueError, match="no mail address"):
            written(msgspec.structs.replace(MAIL, recipient=Person("X", text)))


def test_the_message_id() -> None:
    """It is the same for the same answer, another for another, and has the form of
    one whatever the mailbox is called."""
    same = reply_id("Box@Example.test", "AAMk=", "accept")
    assert same == reply_id("box@example.test", "AAMk=", "accept")
    others = {
        reply_id(box, item, action)
        for box in ("box@example.test", "bex@example.test")
        for item in ("AAMk=", "AAMk-")
        for action in ("accept", "decline", "reply")
    }
    assert len(others) == 12
    for box in ("box@example.test", "none", "a@b c", "a@ü.test", "a@'x"):
        assert re.fullmatch(r"<[0-9a-f]{40}@[a-z0-9.-]+>", reply_id(box, "x", "y"))
