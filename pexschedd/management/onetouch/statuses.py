"""The status of One-Touch Join: endpoints, and the meetings on their screens. Pure."""

from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256

import msgspec

from pexschedd.management.computed.source import RecordSource
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import RoleLevel
from pexschedd.model.accounts.principal import acting_principal
from pexschedd.model.fields.declaration import Record
from pexschedd.model.onetouch.endpoint import WEBEX, Endpoint
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.model.onetouch.room_calendar import RoomMeeting
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting

ListOf = Callable[[int], tuple[ScreenMeeting, ...]]
"""Takes an endpoint's id; returns the list of its screen now."""
ReadAt = Callable[[int], datetime | None]
"""Takes an endpoint's id; returns the time at which its room was last read."""

WORKER = "pexschedd"
"""The worker of the platform that serves an endpoint: there is one here."""
_LONGEST_ID = 200


class EndpointStatus(Record, frozen=True, kw_only=True):
    """The state of an endpoint. Its id is the endpoint's."""

    endpoint_name: str
    endpoint_type: str
    """`CISCO`, `POLY` or `WEBEX`."""
    endpoint_address: str
    """The address at which it is reached, of one of Webex the id of the device; empty
    for one that asks by itself."""
    room_email: str
    mjx_integration_name: str
    """The profile's name; empty without one: nothing is shown then."""
    number_of_meetings: int
    """Meetings on its screen now."""
    last_contact_time: datetime | None
    """The time at which it last took or asked for its list, as far as that is known."""
    last_worker: str
    """`pexschedd`; empty if there was no contact."""
    last_read_time: datetime | None
    """The time at which the room's calendar was last read."""
    problem: str
    """The reason why the endpoint or its room's calendar cannot be reached; empty if
    both can."""


class RoomMeetingStatus(Record, frozen=True, kw_only=True):
    """A meeting on the screen of one endpoint. Its id stays while it is listed."""

    meeting_id: str
    """The meeting's UID; that of an occurrence with its original start."""
    endpoint_name: str
    room_email: str
    mjx_integration_id: int
    mjx_integration_name: str
    """The profile's name."""
    subject: str
    """The subject. Of a private meeting, and of any whose subject the profile
    replaces, only the role Full sees it: others see the title on the screen."""
    organizer_name: str
    organizer_email: str
    start_time: datetime
    end_time: datetime
    alias: str
    """The alias that the room dials; empty without Join."""
    matched_meeting_processing_rule: str
    """The name of the rule that found it; `fallback` for a written address, `own room`
    for one of this server's."""
    last_modified_time: datetime | None
    """The time at which the meeting was last changed in the calendar."""
    worker_id: int
    """Always 1."""


class RoomStatuses:
    """Works the two lists out: `list_of` has the lists of screens, and `read_at` the
    times at which endpoints' rooms were read."""

    def __init__(self, records: RecordSource, list_of: ListOf, read_at: ReadAt) -> None:
        self._records = records
        self._list_of = list_of
        self._read_at = read_at

    def endpoints(self) -> Iterator[EndpointStatus]:
        """Yield each endpoint's state."""
        for endpoint in self._records.all(tables.MJX_ENDPOINT):
            yield self._endpoint(endpoint)

    def _endpoint(self, endpoint: Endpoint) -> EndpointStatus:
        profile = self._profile(endpoint)
        found = self._records.find_all(tables.ENDPOINT_STATE_BY_ENDPOINT, endpoint.id)
        state = next(iter(found), None)
        contact = state.last_contact_time if state else None
        problem = state.problem if state else ""
        return EndpointStatus(
            id=endpoint.id,
            endpoint_name=endpoint.name,
            endpoint_type=endpoint.endpoint_type,
            endpoint_address=_address(endpoint),
            room_email=endpoint.room_resource_email,
            mjx_integration_name=profile.name if profile else "",
            number_of_meetings=len(self._list_of(endpoint.id)),
            last_contact_time=contact,
            last_worker=WORKER if contact else "",
            last_read_time=self._read_at(endpoint.id),
            problem=problem or self._problem_of_room(endpoint),
        )

    def _problem_of_room(self, endpoint: Endpoint) -> str:
        room = tables.owner_key(endpoint.room_resource_email)
        found = self._records.find_all(tables.ROOM_CALENDAR_BY_EMAIL, room)
        return next((calendar.problem for calendar in found), "")

    def meetings(self) -> Iterator[RoomMeetingStatus | None]:
        """Yield each meeting on each screen, and None for each endpoint."""
        sees_subjects = acting_principal.get().level is RoleLevel.FULL
        return self._meetings(sees_subjects=sees_subjects)

    def _meetings(self, *, sees_subjects: bool) -> Iterator[RoomMeetingStatus | None]:
        for endpoint in self._records.all(tables.MJX_ENDPOINT):
            yield None
            profile = self._profile(endpoint)
            if profile is None:
                continue
            room = tables.owner_key(endpoint.room_resource_email)
            found = self._records.find_all(tables.ROOM_CALENDAR_BY_EMAIL, room)
            stored = {m.item_id: m for calendar in found for m in calendar.meetings}
            for line in self._list_of(endpoint.id):
                meeting = stored.get(line.item_id)
                if meeting is not None:
                    status = _meeting(endpoint, profile, line, meeting)
                    if not sees_subjects:
                        shown = _title_for_all(line, meeting)
                        status = msgspec.structs.replace(status, subject=shown)
                    yield status

    def _profile(self, endpoint: Endpoint) -> JoinProfile | None:
        if endpoint.mjx_endpoint_group is None:
            return None
        get = self._records.get
        group = get(tables.MJX_ENDPOINT_GROUP, endpoint.mjx_endpoint_group)
        if group is None or group.mjx_integration is None:
            return None
        return get(tables.MJX_INTEGRATION, group.mjx_integration)


def _address(endpoint: Endpoint) -> str:
    if endpoint.endpoint_type == WEBEX:
        return endpoint.webex_device_id or ""
    return endpoint.api_address or ""


def _title_for_all(line: ScreenMeeting, meeting: RoomMeeting) -> str:
    """The title on the screen; nothing of a private meeting's subject, even if the
    profile shows it there."""
    subject = meeting.subject.strip()
    is_subject = bool(subject) and line.title.strip() in subject
    return "" if meeting.is_private and is_subject else line.title


def _meeting(
    endpoint: Endpoint, profile: JoinProfile, line: ScreenMeeting, meeting: RoomMeeting
) -> RoomMeetingStatus:
    key = meeting.key
    occurrence = key.recurrence_id.isoformat() if key.recurrence_id else ""
    text = f"{key.uid} {occurrence}".strip()
    details = line.details
    return RoomMeetingStatus(
        id=_id_of(endpoint.id, text),
        meeting_id=text[-_LONGEST_ID:],
        endpoint_name=endpoint.name,
        room_email=endpoint.room_resource_email,
        mjx_integration_id=profile.id,
        mjx_integration_name=profile.name,
        subject=meeting.subject,
        organizer_name=line.organizer_name,
        organizer_email=line.organizer_email,
        start_time=line.start,
        end_time=line.end,
        alias=details.alias if details else "",
        matched_meeting_processing_rule=details.rule if details else "",
        last_modified_time=meeting.changed,
        worker_id=1,
    )


def _id_of(endpoint: int, key: str) -> int:
    """A number that stays, and that every client can hold: 52 bits of a hash."""
    digest = sha256(f"{endpoint} {key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big") >> 4 or 1
