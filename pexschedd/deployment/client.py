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
MOST_VALUES = 500_000
"""Values in a page, counted by its commas and brackets: decoding makes an object of
each."""
MOST_READ = 20_000
"""Records of all resources together, those of meetings included."""
MOST_PAGES = 200
"""Pages of all resources together."""
TIMEOUT = 60.0
"""Seconds for one page."""
LONGEST = 600.0
"""Seconds for all of them."""

_CONFIGURATION = "/api/admin/configuration/v1/"


class DeploymentUnavailable(Unavailable):
    """The other deployment cannot be read."""

    code = "deployment_unavailable"


class _Meta(msgspec.Struct):
    total_count: int


class _Page(msgspec.Struct):
    """A page of records; other members are of no use here."""

    meta: _Meta
    objects: list[dict[str, Any]]


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
    """Reads the lists of one deployment, once: what it reads is bounded altogether."""

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
        self._read = 0
        self._pages = 0
        self._end = clock.seconds() + LONGEST

    async def read(self, resource: str) -> list[dict[str, Any]]:
        """Return all records of a resource; none if the deployment does not have it.

        Raises `DeploymentUnavailable`.
        """
        found: list[dict[str, Any]] = []
        uris: set[str] = set()
        previous: list[dict[str, Any]] = []
        while True:
            page = await self._page(resource, len(found))
            if page is None:
                return []
            records, total = page.objects, page.meta.total_count
            before, self._read = self._read, self._read + len(records)
            if max(before - len(found) + total, self._read) > MOST_READ:
                raise self._unavailable(_TOO_MANY)
            if records and records == previous:
                raise self._unavailable(f"it shows one page of {resource} twice")
            uris |= self._new_uris(resource, records, uris)
            found += records
            if len(found) >= total:
                return found
            if not records:
                counted = f"{len(found)} of {total} records"
                raise self._unavailable(f"its list of {resource} ends after {counted}")
            previous = records

    def _new_uris(
        self, resource: str, records: list[dict[str, Any]], known: set[str]
    ) -> set[str]:
        """Return the URIs of the records of a page; none of them is among the `known`
        ones, nor there twice."""
        found: set[str] = set()
        for record in records:
            uri = record.get("resource_uri")
            if uri is None:
                continue
            if not isinstance(uri, str):
                text = f"a resource_uri in its list of {resource} is no text"
                raise self._unavailable(text)
            if uri in known or uri in found:
                raise self._unavailable(
                    f"its list of {resource} has {uri[:200]} twice, perhaps because it "
                    "was changed meanwhile; if so, try again"
                )
            found.add(uri)
        return found

    async def _page(self, resource: str, offset: int) -> _Page | None:
        left = self._time_left()
        self._pages += 1
        if self._pages > MOST_PAGES:
            raise self._unavailable(f"it needs more than {MOST_PAGES} pages")
        url = f"{self._base}{_CONFIGURATION}{resource}/?limit={PAGE}&offset={offset}"
        reading = Deferred.fromCoroutine(self._get(url))
        reading.addTimeout(min(TIMEOUT, left), self._clock, raise_timeout)
        try:
            body = await reading
        except DeploymentUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - all kinds are told in one way
            failure = as_connection_failure(error)
            if not isinstance(failure, ConnectionFailure):
                raise failure from None
            self._time_left()
            raise self._unavailable(clause(failure)[:500]) from None
        if body is None:
            return None
        if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
            text = f"a page of {resource} has more than {MOST_VALUES} values"
            raise self._unavailable(text)
        try:
            return msgspec.json.decode(body, type=_Page)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            text = f"its answer about {resource} is not a list of the management API"
            raise self._unavailable(f"{text} ({str(error)[:200]})") from None

    def _time_left(self) -> float:
        """Return the seconds for what is not read yet; raises
        `DeploymentUnavailable`."""
        left = self._end - self._clock.seconds()
        if left <= 0:
            text = f"reading it takes longer than {LONGEST / 60:.0f} minutes"
            raise self._unavailable(text)
        return left

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


_TOO_MANY = (
    f"it has more than {MOST_READ} records, those of meetings included; name resources "
    "to read some of them"
)
