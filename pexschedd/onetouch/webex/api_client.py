"""The HTTP edge of the cloud's API: one request, one bounded answer, no redirection."""

from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from pexschedd.net.errors import ABOUT_TRUST, ConnectionFailure, clause, too_large
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind
from pexschedd.onetouch.webex.answers import MAX_ANSWER, CloudAnswer
from pexschedd.util.body_reader import read_body

TIMEOUT = 20.0
"""Seconds for a request, from its connection to the end of the answer."""


class ApiClient:
    """Sends requests by a client that verifies TLS and follows no redirections (see
    `net.http_client`)."""

    def __init__(
        self, client: HTTPClient, clock: IReactorTime, timeout: float = TIMEOUT
    ) -> None:
        self._client = client
        self._clock = clock
        self._timeout = timeout

    async def send(
        self,
        method: str,
        url: str,
        *,
        token: str = "",
        document: bytes | None = None,
        form: dict[str, str] | None = None,
    ) -> CloudAnswer:
        """Return the answer to a request: with a JSON document, a form, or neither.

        Raises `EndpointProblem` if none comes, or none that is complete.
        """
        headers = Headers({"user-agent": ["pexschedd"], "accept": ["application/json"]})
        options: dict[str, Any] = {}
        if token:
            headers.addRawHeader("authorization", f"Bearer {token}")
        if document is not None:
            headers.addRawHeader("content-type", "application/json")
            options["data"] = document
        elif form is not None:
            options["data"] = form
        sending = Deferred.fromCoroutine(self._send(method, url, headers, options))
        sending.addTimeout(self._timeout, self._clock, raise_timeout)
        try:
            return await sending
        except Exception as error:  # noqa: BLE001 - all kinds are told in one way
            failure = as_connection_failure(error)
            if not isinstance(failure, ConnectionFailure):
                raise failure from None
            raise _problem(failure) from None

    async def _send(
        self, method: str, url: str, headers: Headers, options: dict[str, Any]
    ) -> CloudAnswer:
        response: Any = await self._client.request(
            method, PreparedUrl.from_text(url), headers=headers, **options
        )
        body = await read_body(response, MAX_ANSWER, too_large)
        found = {
            name.decode("latin-1").lower(): values[0].decode("latin-1")
            for name, values in response.headers.getAllRawHeaders()
        }
        return CloudAnswer(response.code, found, body)


def _problem(failure: ConnectionFailure) -> EndpointProblem:
    text = f"the Webex API gives no answer: {clause(failure)}."
    if failure.kind not in ABOUT_TRUST:
        return EndpointProblem(ProblemKind.UNREACHABLE, text)
    return EndpointProblem(
        ProblemKind.UNTRUSTED,
        f"{text} If something between here and Webex changes certificates, upload its "
        "authority; certificates of Webex are always checked.",
    )
