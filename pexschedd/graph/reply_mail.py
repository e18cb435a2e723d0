"""A mail of our own that answers a message, as MIME. Pure.

Its HTML is certain to arrive as it is, which is not documented for the comment of an
event's answer. With a text/calendar part (RFC 5546, `method=REPLY`) Exchange takes it
as the response of an attendee. Its Message-ID is made from the message that it answers,
so that a mail whose fate is unknown can be looked for before it is sent again.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256

import msgspec

from pexschedd.bodies.plain_text import plain_text
from pexschedd.model.meeting import Person

MAX_ADDRESS = 254
MAX_HTML = 500_000
MAX_LINE = 255
"""Characters of a subject or name."""
MAX_COMMENT = 2_000
"""Characters of the text that the calendar part repeats."""

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
)
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
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
    date: datetime
    """Aware."""
    in_reply_to: str = ""
    """The Message-ID of the message that is answered, if it has one."""
    reply: CalendarReply | None = None


def reply_id(mailbox: str, item_id: str, action: str) -> str:
    """Return the Message-ID of the mail that answers a message in this way."""
    said = "\0".join((mailbox.casefold(), item_id, action))
    domain = mailbox.rpartition("@")[2]
    if not _DOMAIN.fullmatch(domain) or len(domain) > MAX_ADDRESS:
        domain = "mailbox.invalid"
    return f"<{sha256(said.encode()).hexdigest()[:40]}@{domain.lower()}>"


def is_address(text: str) -> bool:
    """Return whether mail can be sent to this address; others may hold anything."""
    return len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None


def written(mail: ReplyMail) -> bytes:
    """Return the mail as MIME, all of it ASCII; raises ValueError for an address that
    is none."""
    text = plain_text(mail.html[:MAX_HTML])
    document = EmailMessage(policy=SMTP)
    document["From"] = _address(Person("", mail.sender))
    document["To"] = _address(mail.recipient)
    document["Subject"] = one_line(mail.subject)
    document["Date"] = mail.date.astimezone(UTC)
    document["Message-ID"] = mail.message_id
    if _MESSAGE_ID.fullmatch(mail.in_reply_to):
        document["In-Reply-To"] = mail.in_reply_to
        document["References"] = mail.in_reply_to
    # RFC 3834, and what Exchange's own automatic answers go by.
    document["Auto-Submitted"] = "auto-replied"
    document["X-Auto-Response-Suppress"] = "All"
    document.set_content(_encodable(text), cte="base64")
    html = _encodable(mail.html[:MAX_HTML])
    document.add_alternative(html, subtype="html", cte="base64")
    if mail.reply is not None:
        document.add_alternative(
            calendar(mail, mail.reply, text),
            subtype="calendar",
            cte="base64",
            params={"method": "REPLY"},
        )
    return document.as_bytes()


def written_base64(mail: ReplyMail) -> str:
    """Return the mail as `sendMail` takes it: all of its MIME in base64."""
    return b64encode(written(mail)).decode()


def calendar(mail: ReplyMail, reply: CalendarReply, text: str) -> str:
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
    if text:
        lines.append(f"COMMENT:{_escaped(text[:MAX_COMMENT])}")
    lines += ["REQUEST-STATUS:2.0;Success", "END:VEVENT", "END:VCALENDAR"]
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def one_line(text: str) -> str:
    """Return a text that fits into a header: without line ends, of bounded length."""
    return " ".join(_CONTROLS.sub(" ", text[: 4 * MAX_LINE]).split())[:MAX_LINE]


def _address(person: Person) -> Address:
    if not is_address(person.email):
        raise ValueError(f"this is no mail address: {person.email[:60]!r}")
    return Address(one_line(person.name), addr_spec=person.email)


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


def _encodable(text: str) -> str:
    """Return a text without halves of characters, which no encoding takes."""
    return text.encode("utf-8", "replace").decode()
