"""A session with an endpoint's HTTP API: signed in once, ended when it is done with.

An endpoint has few sessions, and by default they never time out: one that is not ended
is lost until somebody ends it by hand. So a session lasts for one visit, and is ended
however the visit ends. A visit of one or two requests, and software that knows no
sessions or has none free, is sent the account with each request.
"""

import re
from collections.abc import Callable
from types import TracebackType
from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http_headers import Headers

from pexschedd.net.errors import ConnectionFailure, NeverAnsweredError, too_large
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.http_pool import HttpPool
from pexschedd.net.network import Network
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout
from pexschedd.onetouch.cisco.access import EndpointAccess
from pexschedd.onetouch.cisco.answers import (
    MAX_ANSWER,
    AnswerKind,
    EndpointResponse,
    leads_elsewhere,
    meaning,
)
from pexschedd.onetouch.pushing.problems import (
    EndpointProblem,
    ProblemKind,
    credentials_refused,
    of_connection,
)
from pexschedd.util.body_reader import read_body

TIMEOUT = 20.0
"""Seconds for one request, from its connection to the end of the answer."""
CONNECT_TIMEOUT = 10.0
"""Seconds for reaching one of its addresses, and again for the TLS handshake."""
END_TIMEOUT = 5.0
KEPT_FOR = 30
"""Seconds for which a connection waits for the next request of its session."""

_COOKIE = re.compile(r"\s*((?:Secure)?SessionId)=([!#-+\--:<-\[\]-~]{1,512})")
"""A session's cookie, by RFC 6265 section 4.1.1."""


Connect = Callable[[EndpointAccess, HttpPool], HTTPClient]
"""Makes a client that reaches an endpoint as its access says; see `net.http_client`."""


def connect_by(network: Network) -> Connect:
    """Return what makes clients over a network."""

    def connect(access: EndpointAccess, pool: HttpPool) -> HTTPClient:
        chosen = network.direct() if access.direct else network
        if not access.verified:
            chosen = chosen.unverified()
        return chosen.http_client(pool, timeout=CONNECT_TIMEOUT)

    return connect


class EndpointSession:
    """A visit to an endpoint, as an asynchronous context manager.

    All methods raise `EndpointProblem`.
    """

    _log = Logger()

    def __init__(
        self,
        connect: Connect,
        access: EndpointAccess,
        clock: IReactorTime,
        timeout: float = TIMEOUT,
    ) -> None:
        self.access = access
        self._timeout = timeout
        self._pool = HttpPool(clock, kept=1, idle_seconds=KEPT_FOR)
        self._client = connect(access, self._pool)
        self._clock = clock
        self._cookie = ""
        self.last_date = ""
        """The endpoint's time, as its last answer said; empty if it did not."""

    async def __aenter__(self) -> "EndpointSession":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._end()
        finally:
            # They are aborted at once: there is nothing to wait for, nor to cancel.
            self._pool.closeCachedConnections().addErrback(lambda _: None)

    @property
    def has_cookie(self) -> bool:
        """True if it is a session in the endpoint's sense."""
        return bool(self._cookie)

    async def get(self, path: str) -> EndpointResponse:
        """Return the answer to a request for a document."""
        return await self._signed_in("GET", path, None)

    async def post(self, path: str, document: bytes) -> EndpointResponse:
        """Return the answer to an XML document that is sent."""
        return await self._signed_in("POST", path, document)

    async def begin(self) -> None:
        """Sign in for all requests that follow, unless that was done already.

        It is worth its two requests where several follow; until then, and if there is
        no session to be had, the account goes along with each request.
        """
        if not self._cookie:
            await self._begin()

    async def _begin(self) -> None:
        answer, cookies = await self._request("POST", "/xmlapi/session/begin", b"")
        self._cookie = _cookie_in(cookies) if 200 <= answer.status < 300 else ""
        if self._cookie:
            return
        if answer.status == 401:
            raise credentials_refused(self.access.username)
        if 300 <= answer.status < 400:
            self._check_redirection(answer)
        self._log.debug(
            "endpoint session is not had address={address} status={status}",
            address=self.access.address,
            status=answer.status,
        )

    async def _end(self) -> None:
        if not self._cookie:
            return
        try:
            await self._request("POST", "/xmlapi/session/end", b"", END_TIMEOUT)
        except EndpointProblem as problem:
            self._log.info(
                "endpoint session could not be ended address={address} reason={reason}",
                address=self.access.address,
                reason=problem.message,
            )
        finally:
            self._cookie = ""

    async def _signed_in(
        self, method: str, path: str, document: bytes | None
    ) -> EndpointResponse:
        had_session = self.has_cookie
        answer, _ = await self._request(method, path, document)
        if had_session and meaning(answer).kind is AnswerKind.SIGN_IN:
            # The endpoint has forgotten the session, as after a restart.
            self._cookie = ""
            await self._begin()
            answer, _ = await self._request(method, path, document)
        if meaning(answer).kind is AnswerKind.SIGN_IN:
            raise credentials_refused(self.access.username)
        if 300 <= answer.status < 400:
            self._check_redirection(answer)
        return answer

    def _check_redirection(self, answer: EndpointResponse) -> None:
        access = self.access
        if not leads_elsewhere(answer.location, access.scheme, access.host):
            return
        place = "".join(c for c in answer.location[:200] if c.isprintable())
        advice = (
            "Set use_https to YES."
            if access.scheme == "http" and place.startswith("https:")
            else "Enter the address at which it can be reached itself."
        )
        raise EndpointProblem(
            ProblemKind.REFUSED,
            f"it redirects to {place}, and no redirection is followed. {advice}",
        )

    async def _request(
        self,
        method: str,
        path: str,
        document: bytes | None,
        timeout: float | None = None,
    ) -> tuple[EndpointResponse, list[str]]:
        """Return the answer, and the cookies that it sets."""
        timeout = timeout or self._timeout
        asking = Deferred.fromCoroutine(self._ask_again(method, path, document))
        asking.addTimeout(timeout, self._clock, raise_timeout)
        try:
            return await asking
        except Exception as error:  # noqa: BLE001 - all kinds are told in one way
            failure = as_connection_failure(error)
            if not isinstance(failure, ConnectionFailure):
                raise failure from None
            raise of_connection(failure, verified=self.access.verified) from None

    async def _ask_again(
        self, method: str, path: str, document: bytes | None
    ) -> tuple[EndpointResponse, list[str]]:
        """Ask, once more if the endpoint had closed the connection meanwhile: nothing
        that is sent in a session makes a difference the second time."""
        opened = self._pool.opened
        try:
            return await self._ask(method, path, document)
        except Exception as error:
            failure = as_connection_failure(error)
            is_stale = isinstance(failure, NeverAnsweredError)
            if not (is_stale and opened and self._pool.opened == opened):
                raise
        return await self._ask(method, path, document)

    async def _ask(
        self, method: str, path: str, document: bytes | None
    ) -> tuple[EndpointResponse, list[str]]:
        access = self.access
        headers = Headers({"user-agent": ["pexschedd"]})
        options: dict[str, Any] = {}
        if document is not None:
            headers.addRawHeader("content-type", "text/xml; charset=utf-8")
            options["data"] = document
        if self._cookie:
            headers.addRawHeader("cookie", self._cookie)
        else:
            options["auth"] = (access.username.encode(), access.password.encode())
        response: Any = await self._client.request(
            method,
            PreparedUrl.from_text(access.address + path),
            headers=headers,
            **options,
        )
        body = await read_body(response, MAX_ANSWER, too_large)
        answer = EndpointResponse(
            response.code,
            body,
            location=_header(response, "location"),
        )
        self.last_date = _header(response, "date")
        cookies = response.headers.getRawHeaders("set-cookie", [])
        return answer, cookies


def _cookie_in(cookies: list[str]) -> str:
    """The session among the cookies that an answer sets, as it is sent back."""
    for cookie in cookies:
        found = _COOKIE.match(cookie)
        if found:
            return f"{found[1]}={found[2]}"
    return ""


def _header(response: Any, name: str) -> str:
    values = response.headers.getRawHeaders(name, [""])
    return str(values[0])[:500]
