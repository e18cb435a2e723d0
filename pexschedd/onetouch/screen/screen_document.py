"""A screen's list as JSON, for whatever shows or reads it. Pure."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting


def meeting_documents(meetings: tuple[ScreenMeeting, ...]) -> list[dict[str, Any]]:
    """Return the meetings, in the order of their starts.

    Each has `id`, `title`, `organizer` (name and email), `start`, `end`, `all_day`,
    `private`, and `join`: null, or `alias`, `protocol` (SIP or H323), `uri`,
    `platform`, `service`, `pin`, and the times `from` and `until` between which it may
    be pressed.
    """
    return [_document(meeting) for meeting in meetings]


def entity_tag(room: str, meetings: list[dict[str, Any]]) -> str:
    """Return a tag (RFC 9110, 8.8.3) that is another one if anything is other."""
    digest = sha256(msgspec.json.encode([room, meetings])).digest()
    return '"' + urlsafe_b64encode(digest[:18]).decode("ascii") + '"'


def _document(meeting: ScreenMeeting) -> dict[str, Any]:
    # The id in Exchange is nobody's business.
    digest = sha256(meeting.item_id.encode("utf-8", "replace")).digest()
    return {
        "id": urlsafe_b64encode(digest[:12]).decode("ascii"),
        "title": meeting.title,
        "organizer": {
            "name": meeting.organizer_name,
            "email": meeting.organizer_email,
        },
        "start": _stamp(meeting.start),
        "end": _stamp(meeting.end),
        "all_day": meeting.is_all_day,
        "private": meeting.is_private,
        "join": _join(meeting),
    }


def _join(meeting: ScreenMeeting) -> dict[str, str] | None:
    details = meeting.details
    if details is None:
        return None
    scheme = "h323" if details.protocol == "H323" else "sip"
    return {
        "alias": details.alias,
        "protocol": details.protocol,
        "uri": f"{scheme}:{details.alias}",
        "platform": details.platform,
        "service": details.service,
        "pin": details.pin,
        "from": _stamp(meeting.join_from),
        "until": _stamp(meeting.join_until),
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
