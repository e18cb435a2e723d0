"""The caller, as the management API knows them. Under `/api/admin/status/v1/`:

GET  principal/   whose credentials the request carries, and what they are good for
"""

import msgspec
from twisted.web.server import Request

from pexschedd.management.access.permissions import PERMISSIONS, may, needs_password
from pexschedd.management.resource import PREFIX
from pexschedd.model.accounts.administrator import role_name
from pexschedd.model.accounts.principal import Principal, acting_principal
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.openapi.operation import ApiAnswer, described
from pexschedd.web.routes import ResponseBody, json_response

_PRINCIPAL = f"{PREFIX}/status/v1/principal/"


class OwnPermissions(msgspec.Struct, frozen=True):
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
    resource_uri: str


class PrincipalRoutes:
    """The route of the module's docstring."""

    def add_to(self, api: AdminApi) -> None:
        """Add the route of the module's docstring."""
        api.add(_PRINCIPAL, get=self._get)

    @described(
        "Read what one's own role may do",
        answers={200: ApiAnswer("The role, and its permissions.", OwnPermissions)},
        id="get_status_principal",
    )
    def _get(self, request: Request) -> ResponseBody:
        principal = acting_principal.get()
        answer = OwnPermissions(
            name=principal.name,
            role=int(principal.level),
            role_name=role_name(principal.level),
            reads=_allowed(principal, "GET"),
            changes=_allowed(principal, "POST"),
            resource_uri=_PRINCIPAL,
        )
        return json_response(request, answer)


def _allowed(principal: Principal, method: str) -> list[str]:
    """Return the subjects on which the caller may use an HTTP method."""
    return [
        subject
        for subject in PERMISSIONS
        if may(principal.level, method, subject)
        and (principal.has_password or not needs_password(method, subject))
    ]
