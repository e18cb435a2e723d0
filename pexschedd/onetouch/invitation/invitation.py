"""An invitation as a calendar, a mail or a file has it, before it is searched."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

LONGEST_BODY = 1_500_000
"""Characters of a body that are read: its beginning and its end, half of it each."""
LONGEST_LOCATION = 4_000
MOST_FIELDS = 60


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """One meeting, or one occurrence of it. Anything may be missing."""

    subject: str = ""
    location: str = ""
    html: str = ""
    """The body; used rather than `text` if it says anything."""
    text: str = ""
    organizer_name: str = ""
    organizer_email: str = ""
    uid: str = ""
    start: datetime | None = None
    """Aware, or naive in a zone that is not known."""
    end: datetime | None = None
    is_all_day: bool = False
    is_private: bool = False
    is_cancelled: bool = False
    fields: Mapping[str, str] = {}
    """Properties that services put beside the texts, by their names in lower case, such
    as `x-google-conference`."""
    problems: tuple[str, ...] = ()
    """Parts of a file that could not be read, for people."""


def bounded_body(body: str) -> str:
    """Return a body that is not too long: of a long one, the middle is missing."""
    if len(body) <= LONGEST_BODY:
        return body
    half = LONGEST_BODY // 2
    return f"{body[:half]}\n{body[-half:]}"
