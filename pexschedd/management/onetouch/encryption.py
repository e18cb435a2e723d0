"""Passwords of endpoints that a change of their profile would send unencrypted. Pure.

What an endpoint's own fields say is looked at where they are declared; but a password
that was entered for HTTPS does not go without because another record says so.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from pexschedd.errors import InvalidFields
from pexschedd.management.save_notes import RecordsAfterwards, Revision
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import GLOBAL, YES, Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.profile import JoinProfile

AGAIN = (
    "With its profile, this endpoint is reached without HTTPS, so its password would "
    "be sent unencrypted. Enter it again with this change."
)
FIRST = (
    "Endpoints that have passwords of their own would be reached without HTTPS: "
    "{names}. Set their use_https first: NO with the password, or YES."
)
_NAMED = 5


def require_encryption(revision: Revision) -> None:
    """Raise `InvalidFields` for a change by which a stored password of an endpoint
    would be sent unencrypted, unless it was entered again."""
    record, current, records = revision.record, revision.current, revision.records
    if isinstance(record, Endpoint) and isinstance(current, Endpoint):
        kept = current.api_password and record.api_password
        entered = "api_password" in revision.sent
        loses = _has_https(current, records) and not _has_https(record, records)
        if kept and loses and not entered:
            raise InvalidFields({"api_password": [AGAIN]})
    elif isinstance(record, EndpointGroup) and isinstance(current, EndpointGroup):
        before = _profile_has_https(current.mjx_integration, records)
        if before and not _profile_has_https(record.mjx_integration, records):
            _refuse("mjx_integration", _exposed([record], records))
    elif isinstance(record, JoinProfile) and isinstance(current, JoinProfile):
        loses = current.ep_use_https and not record.ep_use_https
        groups = records.find_all(tables.MJX_GROUP_BY_INTEGRATION, record.id)
        if loses:
            _refuse("ep_use_https", _exposed(groups, records))


def _refuse(field: str, exposed: Iterator[Endpoint]) -> None:
    names = [f'"{endpoint.name}"' for endpoint in islice(exposed, _NAMED + 1)]
    if names:
        more = " and others" if len(names) > _NAMED else ""
        shown = ", ".join(names[:_NAMED]) + more
        raise InvalidFields({field: [FIRST.format(names=shown)]})


def _exposed(
    groups: Iterable[EndpointGroup], records: RecordsAfterwards
) -> Iterator[Endpoint]:
    for group in groups:
        for endpoint in records.find_all(tables.MJX_ENDPOINT_BY_GROUP, group.id):
            if endpoint.use_https == GLOBAL and endpoint.api_password:
                yield endpoint


def _has_https(endpoint: Endpoint, records: RecordsAfterwards) -> bool:
    if endpoint.use_https != GLOBAL:
        return endpoint.use_https == YES
    groups = records.all(tables.MJX_ENDPOINT_GROUP)
    group = next((g for g in groups if g.id == endpoint.mjx_endpoint_group), None)
    return group is None or _profile_has_https(group.mjx_integration, records)


def _profile_has_https(id: int | None, records: RecordsAfterwards) -> bool:
    """Return whether endpoints are reached by HTTPS; without a profile, which they are
    not reached by at all, True."""
    profiles = records.all(tables.MJX_INTEGRATION)
    return next((p.ep_use_https for p in profiles if p.id == id), True)
