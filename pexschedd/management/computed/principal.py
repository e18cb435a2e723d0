"""Status of the caller: whose credentials a request carries. Pure."""

from collections.abc import Iterator

from pexschedd.management.access.permissions import PERMISSIONS, may, needs_password
from pexschedd.model.accounts.administrator import role_name
from pexschedd.model.accounts.principal import Principal, acting_principal
from pexschedd.model.fields.declaration import Record


class OwnPermissions(Record, frozen=True, kw_only=True):
    """The principal that has sent the request, and what it may do."""

    name: str
    role: int
    """The id of the role."""
    role_name: str
    reads: list[str]
    """The subjects that may be read: addresses without version and ids, such as
    `configuration/conference`."""
    changes: list[str]
    """The subjects that may be changed."""


def own_permissions() -> Iterator[OwnPermissions]:
    """Yield the one record there is: that of the request's sender."""
    principal = acting_principal.get()
    yield OwnPermissions(
        id=1,
        name=principal.name,
        role=int(principal.level),
        role_name=role_name(principal.level),
        reads=_allowed(principal, "GET"),
        changes=_allowed(principal, "POST"),
    )


def _allowed(principal: Principal, method: str) -> list[str]:
    """The subjects on which the caller may use an HTTP method."""
    return [
        subject
        for subject in PERMISSIONS
        if may(principal.level, method, subject)
        and (principal.has_password or not needs_password(method, subject))
    ]
