"""Requests to a client's webhook: on loopback only, bounded in time and size.

Graph itself posts over HTTPS alone; here HTTP will do as well.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IPolicyForHTTPS
from zope.interface import implementer

_MOST_BYTES = 64 * 1024


class AnswerTooLong(Exception):
    """An answer that is longer than any webhook's should be."""


@dataclass(frozen=True)
class WebhookAnswer:
    """The answer of a webhook."""

    status: int
    content_type: str
    body: bytes


Post = Callable[[str, bytes, str, float], "Deferred[WebhookAnswer]"]
"""Posts to an address a body of a content type; fails unless there is an answer within
so many seconds."""


def is_allowed(url: str) -> bool:
    """Return whether an address is one of HTTP or HTTPS on loopback."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or parts.username or parts.fragment:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WebhookPoster:
    """A poster over the network; `clock` returns the reactor.

    `trust` says which certificates webhooks may show: by default those that the
    platform trusts.
    """

    def __init__(
        self,
        clock: Callable[[], IReactorTime],
        trust: IPolicyForHTTPS | None = None,
    ) -> None:
        self._clock = clock
        self._trust = trust or BrowserLikePolicyForHTTPS()

    def post(
        self, url: str, body: bytes, content_type: str, seconds: float
    ) -> "Deferred[WebhookAnswer]":
        """Post to an address; see `Post`."""
        io: Any = self._clock()
        agent: Any = Agent(io, self._trust, connectTimeout=seconds)
        headers = Headers({b"content-type": [content_type.encode()]})
        done = agent.request(b"POST", url.encode(), headers, _Body(body))
        done.addCallback(_read)
        done.addTimeout(seconds, io)
        return done  # type: ignore[no-any-return]  # Agent is not typed


def _read(response: Any) -> "Deferred[WebhookAnswer]":
    kinds = response.headers.getRawHeaders(b"content-type", [b""])
    collector = _Collector(int(response.code), kinds[0].decode("latin-1"))
    response.deliverBody(collector)
    return collector.done


class _Collector(Protocol):
    """The body of an answer, up to a limit."""

    def __init__(self, status: int, content_type: str) -> None:
        self.done: Deferred[WebhookAnswer] = Deferred(lambda _: self._give_up())
        self._status = status
        self._content_type = content_type
        self._body = b""

    def dataReceived(self, data: bytes) -> None:
        """Keep what comes; fail when it is too much."""
        if self.done.called:
            return
        self._body += data
        if len(self._body) > _MOST_BYTES:
            self.done.errback(AnswerTooLong(f"more than {_MOST_BYTES} bytes"))
            self._give_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Return the answer, if it came so far."""
        if not self.done.called:
            answer = WebhookAnswer(self._status, self._content_type, self._body)
            self.done.callback(answer)

    def _give_up(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.loseConnection()


@implementer(IBodyProducer)
class _Body:
    """A body that is written at once."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> "Deferred[None]":
        """Write it."""
        consumer.write(self.body)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def pauseProducing(self) -> None:
        """There is nothing to pause."""

    def resumeProducing(self) -> None:
        """There is nothing to resume."""

    def stopProducing(self) -> None:
        """There is nothing to stop."""
