"""A client that reads the configuration of another deployment.

The address and the account come from an administrator who may do everything here. The
server is verified like every other one; no redirection is followed, so credentials and
requests stay with it; what it answers is bounded in size and time.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from pexschedd.errors import InvalidFields, Unavailable
from pexschedd.net.errors import ConnectionFailure, clause, too_large
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout
from pexschedd.util.body_reader import discard_body, read_body

PAGE = 500
"""Records asked for at once."""
LARGEST_PAGE = 8 << 20
MOST_READ = 40_000
"""Records of a resource, those of meetings included."""
TIMEOUT = 60.0
"""Seconds for one page."""

_CONFIGURATION = "/api/admin/configuration/v1/"


class DeploymentUnavailable(Unavailable):
    """The other deployment cannot be read."""

    code = "deployment_unavailable"


class _Meta(msgspec.Struct):
    total_count: int


class _Page(msgspec.Struct):
    """A page of records; other members are of no use here."""

    meta: _Meta
    objects: list[msgspec.Raw]


class DeploymentAccount(msgspec.Struct, frozen=True):
    """The address of a deployment, and who signs in there."""

    address: str
    username: str
    password: str

    def __repr__(self) -> str:
        return "DeploymentAccount()"

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the fields."""
        if not _is_address(self.address):
            yield "address", _ADDRESS
        if not self.username or ":" in self.username:
            yield "username", "This must be a name without a colon."
        for name in ("username", "password"):
            if len(getattr(self, name)) > 1024:
                yield name, "This may have 1024 characters at most."


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username
        is_whole = parts.scheme == "https" and parts.hostname and not rest
        is_port = parts.port is None or parts.port > 0
        return bool(is_whole and is_port and address.isascii())
    except ValueError:
        return False


_ADDRESS = (
    "This must be the address of a server, such as https://manager.example.com: https, "
    "a name, perhaps a port, and nothing else."
)


class DeploymentReader:
    """Reads the lists of one deployment."""

    def __init__(
        self, client: HTTPClient, clock: IReactorTime, account: DeploymentAccount
    ) -> None:
        problems = {name: [text] for name, text in account.problems()}
        if problems:
            raise InvalidFields(problems)
        self._client = client
        self._clock = clock
        self._account = account
        self._base = account.address.rstrip("/")

    async def read(self, resource: str) -> list[msgspec.Raw]:
        """Return all records of a resource; none if the deployment does not have it.

        Raises `DeploymentUnavailable`.
        """
        found: list[msgspec.Raw] = []
        while True:
            page = await self._page(resource, len(found))
            if page is None:
                return []
            found += page.objects
            if not page.objects or len(found) >= page.meta.total_count:
                return found
            if len(found) > MOST_READ:
                raise self._unavailable(
                    f"it has more than {MOST_READ} records of {resource}"
                )

    async def _page(self, resource: str, offset: int) -> _Page | None:
        url = f"{self._base}{_CONFIGURATION}{resource}/?limit={PAGE}&offset={offset}"
        reading = Deferred.fromCoroutine(self._get(url))
        reading.addTimeout(TIMEOUT, self._clock, raise_timeout)
        try:
            body = await reading
        except DeploymentUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - all kinds are told in one way
            failure = as_connection_failure(error)
            if not isinstance(failure, ConnectionFailure):
                raise failure from None
            raise self._unavailable(clause(failure)[:500]) from None
        if body is None:
            return None
        try:
            return msgspec.json.decode(body, type=_Page)
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = f"its answer about {resource} is not a list of the management API"
            raise self._unavailable(text) from None

    async def _get(self, url: str) -> bytes | None:
        account = self._account
        response: Any = await self._client.get(
            PreparedUrl.from_text(url),
            headers=Headers({"accept": ["application/json"]}),
            auth=(account.username.encode(), account.password.encode()),
        )
        if response.code == 200:
            return await read_body(response, LARGEST_PAGE, too_large)
        discard_body(response)
        if response.code == 404:
            return None
        if response.code in (401, 403):
            raise self._unavailable(
                f"it refuses the username or the password (HTTP {response.code})"
            )
        raise self._unavailable(
            f"it answers with HTTP status {response.code}; no redirection is followed"
        )

    def _unavailable(self, clause: str) -> DeploymentUnavailable:
        return DeploymentUnavailable(f"{self._base} cannot be read: {clause}.")
