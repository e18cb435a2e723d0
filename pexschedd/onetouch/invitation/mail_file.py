"""An invitation from a mail (RFC 5322) with or without a calendar part. Pure."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from itertools import islice

import msgspec

from pexschedd.onetouch.invitation.calendar_file import read_calendar
from pexschedd.onetouch.invitation.characters import one_line
from pexschedd.onetouch.invitation.decoding import decoded
from pexschedd.onetouch.invitation.invitation import MOST_FIELDS, Invitation

MOST_BYTES = 8_000_000
MOST_BOUNDARIES = 100
"""Parts within parts; a mail program makes three or four."""
_MOST_PARTS = 200
_LONGEST_HEADER = 8_000


def read_mail(data: bytes) -> Invitation:
    """Return the invitation in a mail. Parts that cannot be read are told as problems;
    nothing is raised."""
    if data[: 2 * MOST_BYTES].lower().count(b"boundary=") > MOST_BOUNDARIES:
        return Invitation(problems=("the mail has too many parts within parts",))
    try:
        mail = message_from_bytes(data[:MOST_BYTES], policy=policy.compat32)
        parts = list(islice(_texts(mail), _MOST_PARTS))
    except (MessageError, RecursionError, ValueError, LookupError, AttributeError):
        return Invitation(problems=("this is not a mail that can be read",))
    texts: dict[str, str] = {}
    for kind, text in parts:
        texts.setdefault(kind, text)
    calendar = texts.get("text/calendar")
    event = read_calendar(calendar) if calendar is not None else None
    problems: tuple[str, ...] = ()
    if calendar is not None and event is None:
        problems = ("the mail's calendar part has no event",)
    name, address = _sender(mail)
    invitation = event or Invitation(
        subject=one_line(_header(mail, "Subject"), 1_000),
        organizer_name=one_line(name, 250),
        organizer_email=one_line(address, 320),
    )
    return msgspec.structs.replace(
        invitation,
        html=texts.get("text/html") or invitation.html,
        text=texts.get("text/plain") or invitation.text,
        fields={**_service_headers(mail), **invitation.fields},
        problems=problems,
    )


def _texts(mail: Message) -> Iterator[tuple[str, str]]:
    """Yield the texts that are no attachments, each with its type."""
    for part in mail.walk():
        kind = part.get_content_type()
        if kind not in ("text/plain", "text/html", "text/calendar"):
            continue
        disposition = str(part.get("Content-Disposition", "")).lower()
        if disposition.startswith("attachment") and kind != "text/calendar":
            continue
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield kind, decoded(payload, str(part.get_content_charset("") or ""))


def _sender(mail: Message) -> tuple[str, str]:
    """Return a sender's name and address, both empty if they cannot be told."""
    try:
        return parseaddr(_header(mail, "From"))
    except (RecursionError, ValueError, IndexError):  # comments within comments
        return "", ""


def _header(mail: Message, name: str) -> str:
    value = str(mail.get(name, ""))[:_LONGEST_HEADER]
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, ValueError, LookupError):
        return value


def _service_headers(mail: Message) -> dict[str, str]:
    """Headers that services add and that hold an address."""
    found: dict[str, str] = {}
    for name, value in mail.items():
        text = str(value)[:_LONGEST_HEADER]
        is_address = any(scheme in text for scheme in ("https://", "sip:", "tel:"))
        if name.lower().startswith("x-") and is_address and len(found) < MOST_FIELDS:
            found[name.lower()] = text
    return found
