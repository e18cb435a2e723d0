"""The sign-in of administrators, and no requests of other sites' pages.

A request carries a name and a password (HTTP Basic), or a token (Bearer).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from urllib.parse import quote

from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.errors import NotAuthenticated, TooManyRequests
from pexschedd.identity.administrators import Administrators
from pexschedd.identity.api_tokens import beginning_of
from pexschedd.identity.script_tokens import ScriptTokens
from pexschedd.model.accounts.principal import Principal
from pexschedd.web.basic_auth import authorization, basic_credentials
from pexschedd.web.browsers import is_cross_site, other_site
from pexschedd.web.routes import Forbidden, client_address, correlation_id_of

_log = Logger(namespace="administrator.sign_in")

_LONGEST_LOGGED_NAME = 100


async def sign_in(
    request: Request, administrators: Administrators, bearer: ScriptTokens
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
        with refusals_logged(request, beginning_of(token)):
            principal = bearer.authenticate(token, address)
    else:
        name, password = basic_credentials(
            request,
            "Sign in as an administrator (HTTP Basic), or send a token (Bearer).",
        )
        with refusals_logged(request, name):
            found = await administrators.authenticate(name, password, address)
        principal = Principal(
            name=found.name, level=found.level, administrator=found.id
        )
    if is_cross_site(request):
        raise Forbidden(other_site(request))
    return principal


@contextmanager
def refusals_logged(request: Request, name: str) -> Iterator[None]:
    """Log a sign-in within this that is refused or put off.

    `name` is what it was for: no secret.
    """
    try:
        yield
    except NotAuthenticated:
        _log.warn(
            # docs/operations.md has a filter of fail2ban for this line.
            "sign-in refused address={address} administrator={administrator}",
            address=client_address(request) or "-",
            administrator=_shown(name),
            correlation_id=correlation_id_of(request),
        )
        raise
    except TooManyRequests as error:
        _log.info(
            "sign-in put off address={address} administrator={administrator} "
            "seconds={seconds}",
            address=client_address(request) or "-",
            administrator=_shown(name),
            seconds=ceil(error.retry_after),
            correlation_id=correlation_id_of(request),
        )
        raise


def _shown(name: str) -> str:
    """A name from the network, without blanks or quotes: percent-encoded."""
    return quote(name[:_LONGEST_LOGGED_NAME], safe="@+")
