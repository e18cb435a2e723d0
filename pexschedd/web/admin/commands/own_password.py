"""An administrator's own password. Under `/api/admin/`:

POST command/v1/administrator/change_password/   {"old_password", "new_password"}: 204

Every role may do it, and no token: whoever has copied one does not know the password.
"""

import msgspec
from twisted.web.server import Request

from pexschedd.errors import InvalidFields, NotAuthenticated
from pexschedd.identity.administrators import Administrators
from pexschedd.management.admin_log import note
from pexschedd.management.resource import PREFIX
from pexschedd.model.accounts.principal import acting_principal
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.authentication import (
    PASSWORD,
    SignInHeard,
    heard_by_none,
    refusals_logged,
)
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import ApiAnswer, RequestBody, described
from pexschedd.web.admin.request_keys import refuse_request_key
from pexschedd.web.json_body import read_json
from pexschedd.web.routes import ResponseBody, client_address, empty_response

COMMAND = f"{PREFIX}/command/v1/administrator/change_password/"


class OwnPasswords(msgspec.Struct, forbid_unknown_fields=True):
    """An administrator's password, and the one that takes its place."""

    old_password: str
    new_password: str


class OwnPasswordRoutes:
    """The route of the module's docstring."""

    def __init__(
        self, administrators: Administrators, heard: SignInHeard = heard_by_none
    ) -> None:
        self._administrators = administrators
        self._heard = heard

    def add_to(self, api: AdminApi) -> None:
        """Add the route of the module's docstring."""
        api.add(COMMAND, post=self._change)

    @described(
        "Change one's own password",
        answers={204: ApiAnswer("It is changed.")},
        body=RequestBody(OwnPasswords),
        errors=(429,),
    )
    async def _change(self, request: Request) -> ResponseBody:
        refuse_request_key(request)
        sent = read_json(request, OwnPasswords)
        with invalid_fields_of("change_password"):
            await self._set(request, sent)
        note("administrator changed the own password")
        return empty_response(request, 204)

    async def _set(self, request: Request, sent: OwnPasswords) -> None:
        principal = acting_principal.get()
        try:
            with refusals_logged(request, principal.name, PASSWORD, self._heard):
                await self._administrators.change_own_password(
                    principal.administrator,
                    sent.old_password,
                    sent.new_password,
                    client_address(request),
                )
        except NotAuthenticated:
            text = "This is not the password of the administrator who asks."
            raise InvalidFields({"old_password": [text]}) from None
        except InvalidFields as error:
            problems = error.problems["password"]
            raise InvalidFields({"new_password": problems}) from None
