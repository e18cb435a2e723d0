"""The sign-in of administrators: HTTP Basic, and no requests of other sites' pages."""

from math import ceil
from urllib.parse import quote

from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.errors import NotAuthenticated, TooManyRequests
from pexschedd.identity.administrators import Administrators
from pexschedd.model.principal import Principal
from pexschedd.web.basic_auth import basic_credentials
from pexschedd.web.browsers import is_cross_site
from pexschedd.web.routes import Forbidden, client_address, correlation_id_of

_log = Logger(namespace="administrator.sign_in")

_LONGEST_LOGGED_NAME = 100


async def sign_in(request: Request, administrators: Administrators) -> Principal:
    """Return the administrator whose credentials the request carries.

    Raises `NotAuthenticated`, `TooManyRequests` after many that were refused, and
    `Forbidden` for a request that a browser sends on behalf of another site: it adds
    the password that it remembers to those, too.
    """
    name, password = basic_credentials(
        request, "Sign in as an administrator (HTTP Basic)."
    )
    address = client_address(request)
    try:
        found = await administrators.authenticate(name, password, address)
    except NotAuthenticated:
        _log.warn(
            # docs/operations.md has a filter of fail2ban for this line.
            "sign-in refused address={address} administrator={administrator}",
            address=address or "-",
            administrator=_shown(name),
            correlation_id=correlation_id_of(request),
        )
        raise
    except TooManyRequests as error:
        _log.info(
            "sign-in put off address={address} administrator={administrator} "
            "seconds={seconds}",
            address=address or "-",
            administrator=_shown(name),
            seconds=ceil(error.retry_after),
            correlation_id=correlation_id_of(request),
        )
        raise
    if is_cross_site(request):
        raise Forbidden("A page of another site has sent this request.")
    return Principal(name=found.name, level=found.level, administrator=found.id)


def _shown(name: str) -> str:
    """A name from the network, without blanks or quotes: percent-encoded."""
    return quote(name[:_LONGEST_LOGGED_NAME], safe="@+")
