"""Sends spans to a collector: OTLP over HTTP.

A collector that is gone, slow or broken costs spans and nothing else: they wait in a
queue with a limit, one request is under way at a time, pauses between failed ones grow,
and the log says once that traces get lost, and once that they arrive again.
"""

import re
from collections.abc import Callable, Mapping

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from pexschedd import __version__
from pexschedd.net.errors import ConnectionFailure, clause
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout
from pexschedd.observation.tracing.otlp import export_request
from pexschedd.observation.tracing.spans import Attributes, SpanQueue
from pexschedd.util.backoff import backoff
from pexschedd.util.body_reader import read_beginning
from pexschedd.util.periodic import Periodic, Running

SCOPE = "pexschedd"
"""The name of what records the spans."""

EVERY = 2.0
"""Seconds between two exports."""

AT_ONCE = 256
"""Spans in a request, which takes seven milliseconds and has some 80 kilobytes."""

TIMEOUT = 10.0
"""Seconds for a request."""

LAST_TIMEOUT = 2.0
"""Seconds for what is still to be sent when the daemon stops."""

RETRY_FIRST = 4.0
RETRY_MOST = 120.0
"""Seconds until a collector that failed is tried again."""

_MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read, so that its connection can be used again."""

_TRY_AGAIN = frozenset((429, 502, 503, 504))
"""Statuses after which the same spans may be sent again, as OTLP says."""

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):[ \t]*([ -~]{1,8000})")
_OURS = {
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""Headers of the connection and of what is sent, which are not for a file to say."""


def headers_in(text: str) -> dict[str, str]:
    """Return the headers of a file that has one in each line.

    Raises ValueError, which names a line by its number only: it may hold a secret.
    """
    headers: dict[str, str] = {}
    given: set[str] = set()
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        match = _HEADER.fullmatch(line.strip())
        if match is not None:
            name = match[1].lower()
            if name in _OURS:
                raise ValueError(
                    f"line {number} has a header that may not be given here, as it is "
                    "a matter of the connection"
                )
            if name in given:
                raise ValueError(f"line {number} has a header that is there already")
            headers[match[1]] = match[2]
            given.add(name)
        elif line.strip():
            raise ValueError(
                f"line {number} is not a header such as Authorization: Bearer ..."
            )
    if not headers:
        raise ValueError("it has no header such as Authorization: Bearer ...")
    return headers


class _Refused(Exception):
    """An answer other than success; the text is its status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"it answers with HTTP status {status}")


class OtlpExporter(Periodic):
    """A service that sends the spans of `queue` to `url`.

    `resource` says which service they come from; `count` is told how many were "sent"
    and "dropped". Start it before what is traced, and finish it afterwards.
    """

    def __init__(
        self,
        queue: SpanQueue,
        client: HTTPClient,
        url: str,
        headers: Mapping[str, str],
        resource: Attributes,
        clock: IReactorTime,
        count: Callable[[str, int], object],
    ) -> None:
        super().__init__("traces", self._export, clock, EVERY)
        self._queue = queue
        self._client = client
        self.url = url
        self.headers = headers
        """Sent with each request, beside our own."""
        self._resource = resource
        self._clock = clock
        self._count = count
        self._counted = self._logged = 0
        """Dropped spans that were counted, and that the log has."""
        self._delay = backoff(RETRY_FIRST, RETRY_MOST)
        self._failures = 0
        self._not_before = 0.0
        self._sending: Deferred[None] | None = None

    async def finish(self) -> None:
        """Stop, and send what is left within two seconds, unless the collector has
        failed before."""
        stopped = self.stopService()
        if self._sending is not None:
            self._sending.cancel()
        await stopped
        if self._failures:
            return
        last = Deferred.fromCoroutine(self._send_all(lambda: True))
        await last.addTimeout(LAST_TIMEOUT, self._clock)
        if self._queue and not self._failures:
            self._log.warn(
                "collector did not take all traces before the stop url={url} "
                "lost_spans={count}",
                url=self.url,
                count=len(self._queue),
            )

    async def _export(self, running: Running) -> None:
        self._count("dropped", self._queue.dropped - self._counted)
        self._counted = self._queue.dropped
        if self._clock.seconds() >= self._not_before:
            await self._send_all(running)

    async def _send_all(self, running: Running) -> None:
        while self._queue and running():
            spans = self._queue.take(AT_ONCE)
            body = export_request(spans, self._resource, SCOPE, __version__)
            try:
                self._sending = Deferred.fromCoroutine(self._send(body))
                self._sending.addTimeout(TIMEOUT, self._clock, raise_timeout)
                await self._sending
            except _Refused as refused:
                if refused.status in _TRY_AGAIN:
                    self._queue.put_back(spans)
                else:
                    self._queue.dropped += len(spans)
                self._failed(str(refused))
                return
            except Exception as error:  # noqa: BLE001 - Twisted's are many
                self._queue.put_back(spans)
                failure = as_connection_failure(error)
                if not isinstance(failure, ConnectionFailure):
                    return  # broken off, as the daemon stops
                self._failed(clause(failure))
                return
            finally:
                self._sending = None
            self._count("sent", len(spans))
            self._worked()

    async def _send(self, body: bytes) -> None:
        headers = Headers({"Content-Type": ["application/x-protobuf"]})
        for name, value in self.headers.items():
            headers.addRawHeader(name, value)
        response = await self._client.post(
            PreparedUrl.from_text(self.url),
            headers=headers,
            data=body,
        )
        await read_beginning(response, _MAX_ANSWER)
        if not 200 <= response.code < 300:
            raise _Refused(response.code)

    def _failed(self, reason: str) -> None:
        self._not_before = self._clock.seconds() + self._delay(self._failures)
        self._failures = min(self._failures + 1, 10)
        if self._failures == 1:
            self._log.warn(
                "collector takes no traces, they get lost if this goes on url={url} "
                "reason={reason}",
                url=self.url,
                reason=reason,
            )

    def _worked(self) -> None:
        if self._failures:
            self._log.info(
                "collector takes traces again url={url} dropped_spans={dropped}",
                url=self.url,
                dropped=self._queue.dropped - self._logged,
            )
        self._failures = 0
        self._logged = self._queue.dropped
