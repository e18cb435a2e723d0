"""The sign-in of administrators, and no requests of other sites' pages.

A request carries a name and a password (HTTP Basic), or a token (Bearer).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from urllib.parse import quote

from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.errors import NotAuthenticated, TooManyRequests
from pexschedd.history.audit_entries import ACCEPTED, LOCKED_OUT, REFUSED
from pexschedd.identity.administrators import Administrators
from pexschedd.identity.api_tokens import beginning_of
from pexschedd.identity.script_tokens import ScriptTokens
from pexschedd.model.accounts.principal import Principal
from pexschedd.web.basic_auth import authorization, basic_credentials
from pexschedd.web.browsers import is_cross_site, other_site
from pexschedd.web.routes import Forbidden, client_address, correlation_id_of

_log = Logger(namespace="administrator.sign_in")

_LONGEST_LOGGED_NAME = 100


SignInHeard = Callable[[str, str, str, str, str], object]
"""Hears of each sign-in; see `history.audit_log.AuditLog.sign_in`."""

PASSWORD, TOKEN, ASSERTION = "password", "token", "assertion"


def heard_by_none(
    outcome: str, name: str, address: str, method: str, correlation_id: str
) -> None:
    """Hear of a sign-in, and do nothing."""


async def sign_in(
    request: Request,
    administrators: Administrators,
    bearer: ScriptTokens,
    heard: SignInHeard = heard_by_none,
) -> Principal:
    """Return the principal whose credentials the request carries.

    Raises `NotAuthenticated`, `TooManyRequests` after many that were refused, and
    `Forbidden` for a request that a browser sends on behalf of another site: it adds
    the password that it remembers to those, too.
    """
    address = client_address(request)
    scheme, credentials = authorization(request)
    if scheme == b"bearer":
        token = credentials.decode("latin-1")
        method = TOKEN
        with refusals_logged(request, beginning_of(token), method, heard):
            principal = bearer.authenticate(token, address)
    else:
        name, password = basic_credentials(
            request,
            "Sign in as an administrator (HTTP Basic), or send a token (Bearer).",
        )
        method = PASSWORD
        with refusals_logged(request, name, method, heard):
            found = await administrators.authenticate(name, password, address)
        principal = Principal(
            name=found.name, level=found.level, administrator=found.id
        )
    if is_cross_site(request):
        raise Forbidden(other_site(request))
    heard(ACCEPTED, principal.name, address, method, correlation_id_of(request))
    return principal


@contextmanager
def refusals_logged(
    request: Request, name: str, method: str, heard: SignInHeard
) -> Iterator[None]:
    """Log a sign-in within this that is refused or put off, and tell `heard`.

    `name` is what it was for: no secret.
    """
    address, correlation_id = client_address(request), correlation_id_of(request)
    try:
        yield
    except NotAuthenticated:
        heard(REFUSED, name, address, method, correlation_id)
        _log.warn(
            # docs/operations.md has a filter of fail2ban for this line.
            "sign-in refused address={address} administrator={administrator}",
            address=address or "-",
            administrator=_shown(name),
            correlation_id=correlation_id,
        )
        raise
    except TooManyRequests as error:
        heard(LOCKED_OUT, name, address, method, correlation_id)
        _log.info(
            "sign-in put off address={address} administrator={administrator} "
            "seconds={seconds}",
            address=address or "-",
            administrator=_shown(name),
            seconds=ceil(error.retry_after),
            correlation_id=correlation_id,
        )
        raise


def _shown(name: str) -> str:
    """A name from the network, without blanks or quotes: percent-encoded."""
    return quote(name[:_LONGEST_LOGGED_NAME], safe="@+")
