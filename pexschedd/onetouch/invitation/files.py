"""An invitation from a file of any kind, told by its content. Pure."""

import re
from enum import StrEnum

import msgspec

from pexschedd.onetouch.invitation.calendar_file import read_calendar
from pexschedd.onetouch.invitation.decoding import decoded
from pexschedd.onetouch.invitation.invitation import Invitation
from pexschedd.onetouch.invitation.mail_file import read_mail

MOST_BYTES = 8_000_000
"""Bytes of a file that are read."""

_OUTLOOK = b"\xd0\xcf\x11\xe0"
_HEADER = re.compile(
    rb"(?:[A-Za-z][A-Za-z0-9-]{0,60}:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)"
)
_MAIL_HEADERS = re.compile(
    rb"^(?:received|from|to|subject|date|mime-version|content-type|return-path|"
    rb"message-id):",
    re.IGNORECASE | re.MULTILINE,
)
_HTML = re.compile(
    rb"\s{0,99}<(?:!doctype html|html|head|body|div|p|table|meta|span|a)\b",
    re.IGNORECASE,
)


class FileKind(StrEnum):
    """The kinds of files that invitations come in."""

    MAIL = "eml"
    CALENDAR = "ics"
    HTML = "html"
    TEXT = "txt"


def kind_of(data: bytes) -> FileKind:
    """Return the kind of a file's content."""
    start = data[:3].removeprefix(b"\xef\xbb\xbf") + data[3:65_536]
    if start.lstrip()[:15].upper() == b"BEGIN:VCALENDAR":
        return FileKind.CALENDAR
    if _HTML.match(start):
        return FileKind.HTML
    head = re.split(rb"\r?\n\r?\n", start, maxsplit=1)[0]
    if _HEADER.match(start) and len(set(_MAIL_HEADERS.findall(head))) >= 2:
        return FileKind.MAIL
    return FileKind.TEXT


def read_file(data: bytes, kind: FileKind | None = None) -> Invitation:
    """Return the invitation in a file; what could not be read is in its problems."""
    if data.startswith(_OUTLOOK):
        return Invitation(
            problems=("this is Outlook's own format (.msg): save it as .eml or .ics",)
        )
    kind = kind or kind_of(data)
    problem = ""
    if len(data) > MOST_BYTES:
        problem = f"only the first {MOST_BYTES} bytes were read"
        data = data[:MOST_BYTES]
    match kind:
        case FileKind.MAIL:
            invitation = read_mail(data)
        case FileKind.CALENDAR:
            found = read_calendar(decoded(data))
            missing = Invitation(problems=("the calendar file has no event",))
            invitation = missing if found is None else found
        case FileKind.HTML:
            invitation = Invitation(html=decoded(data))
        case FileKind.TEXT:
            invitation = Invitation(text=decoded(data))
    if problem:
        problems = (*invitation.problems, problem)
        invitation = msgspec.structs.replace(invitation, problems=problems)
    return invitation
