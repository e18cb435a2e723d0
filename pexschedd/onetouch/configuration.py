"""The configured rooms and screens, from the records of the management API. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.model.table import Index, R, Table
from pexschedd.onetouch.deployments import DeploymentKey, key_of_profile
from pexschedd.onetouch.rules.rule import MeetingRule
from pexschedd.onetouch.rules.stored_rules import stored_rules
from pexschedd.onetouch.screen.screen_meeting import ScreenProfile
from pexschedd.onetouch.services.catalogue import own_catalogue


class OneTouchRecords(Protocol):
    """The part of the store that the configuration is read from."""

    def get(self, table: Table[R], id: int) -> R | None:
        """Return the record with this id, or None."""

    def all(self, table: Table[R]) -> Iterator[R]:
        """Iterate over a table by ascending id."""

    def find_all(self, index: Index[R], key: Any) -> Iterable[R]:
        """Return all records that an index has under a key."""


class RoomScreen(msgspec.Struct, frozen=True):
    """An endpoint as far as its list depends on it."""

    room_email: str
    """In lower case."""
    profile: ScreenProfile


class ProfileRules(msgspec.Struct, frozen=True):
    """The rules of a profile."""

    rules: tuple[MeetingRule, ...]
    fingerprint: str
    """Differs if the rules, or the catalogue of services, would find other details."""


class ReadRoom(msgspec.Struct, frozen=True):
    """A room whose calendar is read."""

    email: str
    """In lower case."""
    number: int
    """The room's own, which stays: the id of its endpoint."""
    days_ahead: int
    hides_subjects: bool
    """True if no subject may be seen outside of the meeting."""
    rules: ProfileRules


def room_key(email: str) -> str:
    """Return a room's address as addresses are compared."""
    return email.strip().casefold()


def screen_profile(profile: JoinProfile) -> ScreenProfile:
    """Return the settings of a profile that decide what screens show."""
    names = ScreenProfile.__struct_fields__
    return ScreenProfile(**{name: getattr(profile, name) for name in names})


def screen_of(records: OneTouchRecords, endpoint_id: int) -> RoomScreen | None:
    """Return an endpoint's room and profile; None if there is no such endpoint, or if
    it has no profile."""
    endpoint = records.get(tables.MJX_ENDPOINT, endpoint_id)
    if endpoint is None:
        return None
    profile = _profile(records, endpoint)
    if profile is None:
        return None
    return RoomScreen(room_key(endpoint.room_resource_email), screen_profile(profile))


def read_room_of(records: OneTouchRecords, endpoint_id: int) -> str:
    """Return the address of the room whose calendar is read for an endpoint, in lower
    case; empty if none is."""
    endpoint = records.get(tables.MJX_ENDPOINT, endpoint_id)
    profile = None if endpoint is None else _profile(records, endpoint)
    if endpoint is None or profile is None or key_of_profile(profile) is None:
        return ""
    return room_key(endpoint.room_resource_email)


def _profile(records: OneTouchRecords, endpoint: Endpoint) -> JoinProfile | None:
    if endpoint.mjx_endpoint_group is None:
        return None
    group = records.get(tables.MJX_ENDPOINT_GROUP, endpoint.mjx_endpoint_group)
    if group is None or group.mjx_integration is None:
        return None
    return records.get(tables.MJX_INTEGRATION, group.mjx_integration)


def rooms_by_deployment(
    records: OneTouchRecords,
) -> Mapping[DeploymentKey, Mapping[str, ReadRoom]]:
    """Return the rooms that are read, by their deployment and their address. A room
    that several endpoints name is the first one's."""
    found: defaultdict[DeploymentKey, dict[str, ReadRoom]] = defaultdict(dict)
    rules: dict[int, ProfileRules] = {}
    seen: set[str] = set()
    for endpoint in records.all(tables.MJX_ENDPOINT):
        profile = _profile(records, endpoint)
        email = room_key(endpoint.room_resource_email)
        key = None if profile is None else key_of_profile(profile)
        if profile is None or key is None or email in seen:
            continue
        seen.add(email)
        if profile.id not in rules:
            rules[profile.id] = profile_rules(records, profile.id)
        found[key][email] = ReadRoom(
            email=email,
            number=endpoint.id,
            days_ahead=profile.display_upcoming_meetings,
            hides_subjects=profile.replace_subject_type == "ALL",
            rules=rules[profile.id],
        )
    return found


def profile_rules(records: OneTouchRecords, profile_id: int) -> ProfileRules:
    """Return the rules of a profile, and their fingerprint."""
    rules = stored_rules(records, profile_id)
    told = (own_catalogue().version, rules)
    digest = sha256(msgspec.json.encode(told)).hexdigest()
    return ProfileRules(rules, digest[:16])
