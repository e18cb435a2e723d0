"""The records that belong to an endpoint that is sent its list: itself, its group, its
profile."""

from collections.abc import Iterator

import msgspec

from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import CISCO, Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.store.store import Store


class EndpointRecords(msgspec.Struct, frozen=True):
    """An endpoint with its group and profile."""

    endpoint: Endpoint
    group: EndpointGroup
    profile: JoinProfile


def records_of(
    store: Store, endpoint_id: int, endpoint_type: str = CISCO
) -> EndpointRecords | None:
    """Return an endpoint's records; None if there is no such endpoint of the type, or
    if it has no profile."""
    endpoint = store.get(tables.MJX_ENDPOINT, endpoint_id)
    if endpoint is None or endpoint.endpoint_type != endpoint_type:
        return None
    return with_group(store, endpoint)


def with_group(store: Store, endpoint: Endpoint) -> EndpointRecords | None:
    """Return an endpoint with its group and profile; None if it has no profile."""
    group_id = endpoint.mjx_endpoint_group
    group = store.get(tables.MJX_ENDPOINT_GROUP, group_id) if group_id else None
    profile_id = group.mjx_integration if group is not None else None
    profile = store.get(tables.MJX_INTEGRATION, profile_id) if profile_id else None
    if group is None or profile is None:
        return None
    return EndpointRecords(endpoint, group, profile)


def is_of_type(store: Store, endpoint_id: int, endpoint_type: str) -> bool:
    """Return whether there is such an endpoint, and it is of the type."""
    endpoint = store.get(tables.MJX_ENDPOINT, endpoint_id)
    return endpoint is not None and endpoint.endpoint_type == endpoint_type


def in_room(store: Store, room_email: str) -> Iterator[int]:
    """Yield the ids of a room's endpoints."""
    key = tables.owner_key(room_email)
    yield from (e.id for e in store.find_all(tables.MJX_ENDPOINT_BY_ROOM, key))


def in_group(store: Store, group_id: int) -> Iterator[int]:
    """Yield the ids of a group's endpoints."""
    found = store.find_each(tables.MJX_ENDPOINT_BY_GROUP, group_id)
    yield from (endpoint.id for endpoint in found)


def in_profile(store: Store, profile_id: int) -> Iterator[int]:
    """Yield the ids of a profile's endpoints."""
    for group in store.find_each(tables.MJX_GROUP_BY_INTEGRATION, profile_id):
        yield from in_group(store, group.id)
