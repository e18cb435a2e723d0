"""The callers of the add-in's routes: their integration, their secrets in headers, and
the shape of what they are answered."""

import re
from collections.abc import Awaitable, Callable

from twisted.web.server import Request

from pexschedd.errors import InvalidToken, NotFound
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model.integration.connector import Connector
from pexschedd.personal.rooms import require_personal
from pexschedd.web.routes import BadRequest, ResponseBody, json_response

FindConnector = Callable[[int], Connector | None]
"""Gives an integration by its id."""

VerifyToken = Callable[[Connector, str], Awaitable[VerifiedUser]]
"""See `identity.addin.AddinIdentity.verify`."""

HasComeByMail = Callable[[str], bool]
"""See `identity.mailed_tokens.MailedTokens.has`."""


def require_connector(find: FindConnector, id: int) -> Connector:
    """Return the integration with this id; raises `NotFound`."""
    connector = find(id)
    if connector is None:
        raise NotFound(
            f"There is no integration {id} here. If it was deleted and created "
            "again, download the add-in's new manifest and install that."
        )
    return connector


def require_personal_connector(find: FindConnector, id: int) -> Connector:
    """Return the integration with this id; raises `NotFound` also for one without
    personal rooms."""
    connector = require_connector(find, id)
    require_personal(connector)
    return connector


def secret_of(request: Request, header: bytes) -> str:
    """Return a secret, which is sent in a header: headers do not get into access logs.

    Empty if there is none; raises `InvalidToken` if there are several.
    """
    values = request.requestHeaders.getRawHeaders(header) or [b""]
    if len(values) > 1:
        raise InvalidToken(f"The request has several headers `{header.decode()}`.")
    return values[0].decode("latin-1").strip()


def token_of(request: Request) -> str:
    """Return the token; raises `InvalidToken` unless there is exactly one."""
    token = secret_of(request, b"token")
    if not token:
        raise InvalidToken("The request needs one header `token`.")
    return token


def success(request: Request, result: object) -> ResponseBody:
    """Return the answer to a request that was carried out."""
    return json_response(request, {"status": "success", "result": result})


def request_key_of(request: Request) -> str:
    """Return the key that the pane has given a press of its button; "" without one.

    The same key asks for what was asked for before, whose answer was lost.
    """
    values = request.requestHeaders.getRawHeaders(b"request-id") or []
    if not values:
        return ""
    if len(values) != 1 or not _REQUEST_KEY.fullmatch(values[0]):
        raise BadRequest(
            "The header `request-id` must be 8 to 64 letters, digits and hyphens."
        )
    return values[0].decode("ascii")


_REQUEST_KEY = re.compile(rb"[0-9A-Za-z-]{8,64}")
