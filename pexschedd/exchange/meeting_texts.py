"""Texts of meetings: subjects, names and addresses, bounded. Pure.

They come from anywhere and are shown, stored and sent on.
"""

import re

from pexschedd.model.blank_text import shown

MOST_RECIPIENTS = 500
"""Recipients of a message that are looked at: Exchange's own limit of attendees."""

_ADDRESS = re.compile(r"[^\s<>@,;]+@[^\s<>@,;]+\Z")
_MAX_ADDRESS = 320
_MAX_NAME = 256
_MAX_SUBJECT = 1000
_MAX_NUMBER = 2**31 - 1


def smtp_address(value: str) -> str:
    """Return an SMTP address; empty for anything else, such as a name of the
    directory's own (`/o=...`)."""
    value = value.strip()
    return value if len(value) <= _MAX_ADDRESS and _ADDRESS.match(value) else ""


def subject_of(value: str) -> str:
    """Return a subject, bounded; empty if a person sees nothing in it."""
    return shown(value[:_MAX_SUBJECT])


def name_of(value: str) -> str:
    """Return a person's name in one line, bounded."""
    return " ".join(value.split())[:_MAX_NAME]


def read_number(value: str) -> int:
    """0 for what is no number from 0 to 2**31 - 1."""
    if not value.isdecimal() or len(value) > 10:
        return 0
    return min(int(value), _MAX_NUMBER)
