"""A client of the daemon: the desk talks to it over HTTP, as everything else does."""

from typing import Any

import msgspec
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError
from twisted.web.client import ResponseFailed, ResponseNeverReceived
from twisted.web.http import NOT_FOUND

from pexschedd.errors import PexscheddError

CONFIGURATION = "/api/admin/configuration/v1/"
_TIMEOUT = 5.0


class DaemonDown(PexscheddError):
    """The daemon gives no usable answer."""

    code = "daemon_down"


class DaemonRefused(PexscheddError):
    """The daemon refuses a request; the message has its words."""

    code = "daemon_refused"
    status = 0
    """The status of its answer, if there is one."""


class DaemonNotFound(DaemonRefused):
    """The daemon has no such record, or no longer."""


class DaemonClient:
    """A client of the daemon. `addin`, `admin` and `rooms` are base URLs without a
    slash at the end.

    Every method raises `DaemonDown` or `DaemonRefused`.
    """

    def __init__(
        self, http: HTTPClient, *, addin: str, admin: str, rooms: str, password: str
    ) -> None:
        self._http = http
        self.addin = addin
        self.admin = admin
        self.rooms = rooms
        self._auth = ("admin", password)

    async def health(self) -> None:
        """Return if the daemon is healthy."""
        await self._ask("GET", f"{self.addin}/health")

    async def policy(self, alias: str) -> dict[str, Any]:
        """Return the answer that a conferencing node gets about an alias."""
        answer = await self._ask(
            "GET",
            f"{self.addin}/policy/v1/service/configuration",
            params={"local_alias": alias, "call_direction": "dial_in"},
        )
        if not isinstance(answer, dict):
            raise DaemonDown("The daemon's policy answer is not an object.")
        return answer

    async def objects(self, resource: str, **filters: str) -> list[dict[str, Any]]:
        """Return the rows of a configuration resource that match the filters."""
        answer = await self._ask(
            "GET",
            f"{self.admin}{CONFIGURATION}{resource}/",
            params={"limit": "1000", **filters},
            auth=self._auth,
        )
        found = answer.get("objects") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise DaemonDown(f"The daemon's list of {resource} is not one.")
        return found

    async def row(self, uri: str) -> dict[str, Any]:
        """Return one row by its resource URI."""
        answer = await self._ask("GET", f"{self.admin}{uri}", auth=self._auth)
        if not isinstance(answer, dict):
            raise DaemonDown(f"The daemon's {uri} is not an object.")
        return answer

    async def meetings(self, token: str) -> dict[str, Any]:
        """Return the list of a door sign, by its token."""
        answer = await self._ask(
            "GET",
            f"{self.rooms}/v1/meetings",
            headers={"authorization": f"Bearer {token}"},
        )
        if not isinstance(answer, dict):
            raise DaemonDown("The daemon's list of meetings is not one.")
        return answer

    async def create(self, resource: str, record: dict[str, Any]) -> Any:
        """Create a row of a configuration resource; return the answer's content."""
        return await self._ask(
            "POST",
            f"{self.admin}{CONFIGURATION}{resource}/",
            auth=self._auth,
            json=record,
        )

    async def change(self, uri: str, changes: dict[str, Any]) -> None:
        """Change fields of a row."""
        await self._ask("PATCH", f"{self.admin}{uri}", auth=self._auth, json=changes)

    async def _ask(self, method: str, url: str, **options: Any) -> Any:
        try:
            response = await self._http.request(
                method, url, timeout=_TIMEOUT, **options
            )
            body = await response.content()
        except (
            ConnectError,
            CancelledError,
            ResponseFailed,
            ResponseNeverReceived,
        ) as error:
            raise DaemonDown(f"The daemon does not answer: {error}") from error
        if response.code >= 500:
            raise DaemonDown(f"The daemon answers {response.code}.")
        if response.code >= 400:
            text = body[:2000].decode("utf-8", "replace")
            kind = DaemonNotFound if response.code == NOT_FOUND else DaemonRefused
            refusal = kind(f"The daemon answers {response.code}: {text}")
            refusal.status = response.code
            raise refusal
        if not body:
            return None
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError:
            raise DaemonDown("The daemon's answer is not JSON.") from None
