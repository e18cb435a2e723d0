"""Personal rooms for the add-in: a user's list, and the texts of a chosen room.

GET  <prefix>/<connector id>/personal_rooms       who the user is, and the rooms
GET  <prefix>/<connector id>/personal_rooms/<id>  what goes into the meeting

The user is known by the session of a sign-in (header `session`), or by the add-in's
token (header `token`) if its user has signed in before, and the token has not come by
mail, where others can read it. Anyone else is answered 401 with the code
`sign_in_needed`.
"""

from collections.abc import Callable

from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.errors import UserSignInNeeded
from pexschedd.model.end_user import EndUser
from pexschedd.model.integration.connector import Connector
from pexschedd.personal.profile import name_of
from pexschedd.personal.rooms import PersonalRooms
from pexschedd.personal.users import PersonalUsers
from pexschedd.web.addin.callers import (
    HasComeByMail,
    VerifyToken,
    require_personal_connector,
    secret_of,
    success,
)
from pexschedd.web.addin.rates import UNLIMITED, RequestRates
from pexschedd.web.routes import (
    ResponseBody,
    client_network,
    correlation_id_of,
    new_app,
    register_http_errors,
    route,
)

GROUP = "personal_rooms"
"""The name in the paths of this group: see `route_groups`."""

SessionUser = Callable[[int, str], int | None]
"""Gives the id of the user who holds a session: of an integration, by its secret."""

_PATH = f"/<int:connector_id>/{GROUP}"


class PersonalRoomRoutes:
    """Routes for users who have rooms of their own.

    `connectors` gives an integration by its id. `counted` is told the integration's
    name and the outcome of requests: "listed", "none", "chosen", "refused" or
    "sign_in_needed".
    """

    app = new_app()
    register_http_errors(app)
    _log = Logger()

    def __init__(
        self,
        connectors: Callable[[int], Connector | None],
        verify: VerifyToken,
        has_come_by_mail: HasComeByMail,
        session_user: SessionUser,
        users: PersonalUsers,
        rooms: PersonalRooms,
        rates: RequestRates = UNLIMITED,
        counted: Callable[[str, str], object] = lambda integration, outcome: None,
    ) -> None:
        self._connectors = connectors
        self._verify = verify
        self._has_come_by_mail = has_come_by_mail
        self._session_user = session_user
        self._users = users
        self._rooms = rooms
        self._rates = rates
        self._counted = counted

    @route(app, _PATH)
    async def list_rooms(self, request: Request, connector_id: int) -> ResponseBody:
        """Answer with the user's rooms, those that cannot be used included."""
        connector = require_personal_connector(self._connectors, connector_id)
        user = await self._user(connector, request)
        rooms = self._rooms.list_of(connector, user)
        self._counted(connector.name, "listed" if rooms else "none")
        self._log.debug(
            "personal rooms listed integration={integration} user={user} rooms={rooms}",
            integration=connector.id,
            user=user.id,
            rooms=len(rooms),
            correlation_id=correlation_id_of(request),
        )
        return success(request, {"user": _shown(user), "rooms": rooms})

    @route(app, f"{_PATH}/<int:room_id>")
    async def choose(
        self, request: Request, connector_id: int, room_id: int
    ) -> ResponseBody:
        """Answer with what one of the user's rooms puts into the meeting."""
        connector = require_personal_connector(self._connectors, connector_id)
        user = await self._user(connector, request)
        try:
            details = self._rooms.details(connector, user, room_id)
        except Exception:
            self._counted(connector.name, "refused")
            raise
        self._counted(connector.name, "chosen")
        self._log.info(
            "personal room chosen integration={integration} user={user} "
            "conference={conference}",
            integration=connector.id,
            user=user.id,
            conference=room_id,
            correlation_id=correlation_id_of(request),
        )
        return success(request, details)

    async def _user(self, connector: Connector, request: Request) -> EndUser:
        """Return the user who asks, and count the request against the rates.

        Raises `UserSignInNeeded` for somebody who is not known, and `InvalidToken` for
        a token that is refused.
        """
        address = client_network(request)
        user = self._of_session(connector, request)
        if user is not None:
            self._rates.count(user=f"user {user.id}", address=address)
            return user
        token = secret_of(request, b"token")
        if token:
            identity = await self._verify(connector, token)
            self._rates.count(user=identity.user_id, address=address)
            if self._has_come_by_mail(token):
                self._log.info(
                    "token from an invitation opens no personal rooms "
                    "integration={integration} correlation_id={correlation_id}",
                    integration=connector.id,
                    correlation_id=correlation_id_of(request),
                )
            elif user := self._users.of_token(identity.user_id):
                return user
        else:
            self._rates.count(user="", address=address)
        self._counted(connector.name, "sign_in_needed")
        raise UserSignInNeeded("Sign in to see your rooms.")

    def _of_session(self, connector: Connector, request: Request) -> EndUser | None:
        session = secret_of(request, b"session")
        id_ = self._session_user(connector.id, session) if session else None
        return None if id_ is None else self._users.get(id_)


def _shown(user: EndUser) -> dict[str, str]:
    """The user as the pane shows who is signed in."""
    return {"name": name_of(user), "email": user.primary_email_address}
