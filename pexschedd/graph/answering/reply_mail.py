"""A mail of our own that answers a message, as MIME. Pure.

Its HTML is certain to arrive as it is, which is not documented for the comment of an
event's answer. With a text/calendar part (RFC 5546, `method=REPLY`) Exchange takes it
as the response of an attendee. Its Message-ID is made from the message that it answers,
so that a mail whose fate is unknown can be looked for before it is sent again.
"""

import re
from base64 import b64encode, encodebytes
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import format_datetime
from hashlib import sha256

import msgspec

from pexschedd.model.fields.addresses import MAX_PLAIN_ADDRESS, is_plain_address
from pexschedd.model.meeting import Person

MAX_HTML = 500_000
MAX_LINE = 255
"""Characters of a subject or name."""
MAX_COMMENT = 2_000
"""Characters of the text that the calendar part repeats."""

_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_PLAIN = re.compile(r"[ !#-<>-~]{0,60}")
"""A text that needs no encoding in a header: without quotes, and without `=`."""
_WORD = 42
"""Octets in an encoded word, which has 75 characters at most (RFC 2047)."""
_FOLD = 74
"""Octets of a calendar's line without its end; the rest goes on in the next one."""


class CalendarReply(msgspec.Struct, frozen=True, kw_only=True):
    """The response of an attendee, for the text/calendar part."""

    uid: str
    status: str
    """The PARTSTAT: ACCEPTED or DECLINED."""
    organizer: Person
    sequence: int = 0
    recurrence_id: datetime | date | None = None
    """The original start of the one occurrence that is answered: aware, or its day."""
    start: datetime | None = None
    end: datetime | None = None
    """Aware."""
    all_day: bool = False


class ReplyMail(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a mail that answers a message."""

    message_id: str
    sender: str
    """The address of the mailbox."""
    recipient: Person
    subject: str
    html: str
    text: str
    """The same as plain text."""
    date: datetime
    """Aware."""
    in_reply_to: str = ""
    """The Message-ID of the message that is answered, if it has one."""
    reply: CalendarReply | None = None


def reply_id(mailbox: str, item_id: str, action: str) -> str:
    """Return the Message-ID of the mail that answers a message in this way."""
    said = "\0".join((mailbox.casefold(), item_id, action))
    domain = mailbox.rpartition("@")[2]
    if not _DOMAIN.fullmatch(domain) or len(domain) > MAX_PLAIN_ADDRESS:
        domain = "mailbox.invalid"
    return f"<{sha256(said.encode()).hexdigest()[:40]}@{domain.lower()}>"


def written(mail: ReplyMail) -> bytes:
    """Return the mail as MIME, all of it ASCII; raises ValueError for an address that
    is none."""
    text = mail.text[:MAX_HTML]
    parts = [
        _part('text/plain; charset="utf-8"', text),
        _part('text/html; charset="utf-8"', mail.html[:MAX_HTML]),
    ]
    if mail.reply is not None:
        kind = 'text/calendar; charset="utf-8"; method=REPLY'
        parts.append(_part(kind, calendar(mail, mail.reply)))
    # All parts are in base64, which has no such line.
    boundary = f"=_{sha256(mail.message_id.encode()).hexdigest()[:32]}"
    lines = [
        f"From: {_address(Person('', mail.sender))}",
        f"To: {_address(mail.recipient)}",
        f"Subject: {_encoded(one_line(mail.subject))}",
        f"Date: {format_datetime(mail.date.astimezone(UTC))}",
        f"Message-ID: {mail.message_id}",
        *_in_reply_to(mail),
        # RFC 3834, and what Exchange's own automatic answers go by.
        "Auto-Submitted: auto-replied",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        *(f"--{boundary}\r\n{part}" for part in parts),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def written_base64(mail: ReplyMail) -> str:
    """Return the mail as `sendMail` takes it: all of its MIME in base64."""
    return b64encode(written(mail)).decode()


def calendar(mail: ReplyMail, reply: CalendarReply) -> str:
    """Return the calendar of a response, whose lines end in CRLF."""
    lines = [
        "BEGIN:VCALENDAR",
        "PRODID:-//pexschedd//EN",
        "VERSION:2.0",
        "METHOD:REPLY",
        "BEGIN:VEVENT",
        f"UID:{_escaped(reply.uid)}",
        f"SEQUENCE:{max(0, reply.sequence)}",
        f"DTSTAMP:{_utc(mail.date)}",
        *_times(reply),
        f"ORGANIZER{_name(reply.organizer)}:mailto:{reply.organizer.email}",
        f"ATTENDEE;PARTSTAT={reply.status}:mailto:{mail.sender}",
        f"SUMMARY:{_escaped(one_line(mail.subject))}",
    ]
    if mail.text:
        lines.append(f"COMMENT:{_escaped(mail.text[:MAX_COMMENT])}")
    lines += ["REQUEST-STATUS:2.0;Success", "END:VEVENT", "END:VCALENDAR"]
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def one_line(text: str) -> str:
    """Return a text that fits into a header: without line ends, of bounded length."""
    return " ".join(_CONTROLS.sub(" ", text[: 4 * MAX_LINE]).split())[:MAX_LINE]


def _address(person: Person) -> str:
    if not is_plain_address(person.email):
        raise ValueError(f"this is no mail address: {person.email[:60]!r}")
    name = one_line(person.name).replace("\\", "/")
    if not name:
        return person.email
    words = f'"{name}"' if _PLAIN.fullmatch(name) else _encoded(name)
    return f"{words}\r\n <{person.email}>"


def _encoded(text: str) -> str:
    """Return a text as a header may hold it: as it is, or as encoded words."""
    if _PLAIN.fullmatch(text):
        return text
    words, word = [], b""
    for character in text:
        octets = character.encode()
        if len(word) + len(octets) > _WORD:
            words.append(word)
            word = b""
        word += octets
    words.append(word)
    return "\r\n ".join(f"=?utf-8?B?{b64encode(each).decode()}?=" for each in words)


def _in_reply_to(mail: ReplyMail) -> Iterator[str]:
    if _MESSAGE_ID.fullmatch(mail.in_reply_to):
        yield f"In-Reply-To: {mail.in_reply_to}"
        yield f"References: {mail.in_reply_to}"


def _part(kind: str, text: str) -> str:
    """Return a part of the mail; halves of characters, which cannot be encoded, are
    replaced."""
    octets = re.sub("\r\n|\r|\n", "\r\n", text).encode("utf-8", "replace")
    lines = encodebytes(octets).decode().replace("\n", "\r\n")
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{lines}"


def _name(person: Person) -> str:
    name = one_line(person.name).replace('"', "'")
    return f';CN="{name}"' if name else ""


def _times(reply: CalendarReply) -> Iterator[str]:
    original = reply.recurrence_id
    if isinstance(original, datetime):
        yield f"RECURRENCE-ID:{_utc(original)}"
    elif original is not None:
        yield f"RECURRENCE-ID;VALUE=DATE:{original:%Y%m%d}"
    for name, moment in (("DTSTART", reply.start), ("DTEND", reply.end)):
        if moment is None:
            continue
        if reply.all_day:
            yield f"{name};VALUE=DATE:{moment:%Y%m%d}"
        else:
            yield f"{name}:{_utc(moment)}"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """Return a text as RFC 5545, section 3.3.11, wants it."""
    for each in ("\\", ";", ","):
        text = text.replace(each, f"\\{each}")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\\n".join(_CONTROLS.sub(" ", line) for line in lines)


def _folded(line: str) -> Iterator[str]:
    """Yield the pieces of a line, each of at most 75 octets (RFC 5545, 3.1)."""
    piece, size = "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _FOLD:
            yield piece
            piece, size = " ", 1
        piece += character
        size += octets
    yield piece
