"""Streaming notifications: a server that follows a script, and a listener."""

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.errors import MailboxError
from pexschedd.ews.streaming.factory import ews_notifications
from pexschedd.ews.streaming.stream import EwsStream
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_support import (
    RawServer,
    RawSite,
    Starter,
    failure,
    response,
    success,
)
from tests.turns import some_turns

reactor: Any = _reactor
MINUTES = 2
OK = "<m:ConnectionStatus>OK</m:ConnectionStatus>"
CLOSED = "<m:ConnectionStatus>Closed</m:ConnectionStatus>"


def mail(item: str = "A") -> str:
    where = '<t:ParentFolderId Id="inbox"/>'
    return (
        "<m:Notifications><m:Notification><t:SubscriptionId>S</t:SubscriptionId>"
        f'<t:NewMailEvent><t:ItemId Id="{item}"/>{where}</t:NewMailEvent>'
        "</m:Notification></m:Notifications>"
    )


def envelope(content: str) -> bytes:
    return response("GetStreamingEvents", success("GetStreamingEvents", content))


def problem(code: str, values: str = "") -> bytes:
    return response(
        "GetStreamingEvents", failure("GetStreamingEvents", code, "TEXT", values)
    )


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


END = b"0\r\n\r\n"


class Peer:
    """An Exchange that answers what is about subscriptions, and streams as a script
    says: called with each stream that is opened, and its number from 1."""

    def __init__(self, serve: Starter, script: Callable[["Opened", int], None]) -> None:
        self.script = script
        self.site = serve(self._answer)
        self.asked: list[str] = []
        self.streams: list[Opened] = []
        self.headers: list[dict[str, str]] = []
        self.subscribed = response(
            "Subscribe", success("Subscribe", "<m:SubscriptionId>S</m:SubscriptionId>")
        )

    def _answer(self, connection: RawServer, _: int) -> None:
        head, body = self.site.requests[-1]
        lines = head.decode().split("\r\n")[1:]
        self.headers.append(dict(line.lower().split(": ", 1) for line in lines))
        if b"<m:Subscribe>" in body:
            self.asked.append("Subscribe")
            connection.answer(
                self.subscribed,
                headers=[
                    "Set-Cookie: exchangecookie=abc; path=/; expires=Thu, 1-Jan-2099",
                    "Set-Cookie: X-BackEndOverrideCookie=be1~42; path=/; secure",
                ],
            )
        elif b"<m:Unsubscribe>" in body:
            self.asked.append("Unsubscribe")
            connection.answer(response("Unsubscribe", success("Unsubscribe")))
        else:
            self.asked.append("GetStreamingEvents")
            self.streams.append(Opened(connection))
            self.script(self.streams[-1], len(self.streams))


class Opened:
    """One stream, from the server's side."""

    def __init__(self, connection: RawServer) -> None:
        self.connection = connection

    def begin(self, *envelopes: bytes) -> None:
        self.connection.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n"
            b"Transfer-Encoding: chunked\r\nx-nobuffering: 1\r\n\r\n"
        )
        self.say(*envelopes)

    def say(self, *envelopes: bytes) -> None:
        for each in envelopes:
            self.connection.write(chunk(each))

    def end(self) -> None:
        self.connection.write(END)


class Ear:
    """Listens, and counts what it is told."""

    def __init__(
        self,
        site: RawSite,
        clock: Clock | None = None,
        minutes: int = MINUTES,
        **more: Any,
    ) -> None:
        self.clock = clock or Clock()
        self.stream: Any = ews_notifications(
            EwsAccount(
                **{
                    "url": site.url(),
                    "username": "svc",
                    "password": "pw",
                    "network": Network(reactor, Trust()),
                    "clock": self.clock,
                    **more,
                }
            ),
            "room@example.test",
            minutes=minutes,
        )
        assert isinstance(self.stream, EwsStream)
        self.arrived = self.alive = 0
        self._told: list[tuple[int, int, Deferred[None]]] = []
        self.over: Deferred[MailboxError | None] = Deferred()

    def listen(self) -> "Deferred[MailboxError | None]":
        async def listen() -> MailboxError | None:
            try:
                await self.stream.listen(self._arrived, self._alive)
            except MailboxError as error:
                return error
            return None

        self.over = Deferred.fromCoroutine(listen())
        return self.over.addTimeout(5, reactor)

    def _arrived(self) -> None:
        self.arrived += 1
        self._tell()

    def _alive(self) -> None:
        self.alive += 1
        self._tell()

    def _tell(self) -> None:
        for told in list(self._told):
            if self.alive >= told[0] and self.arrived >= told[1]:
                self._told.remove(told)
                told[2].callback(None)

    async def told(self, alive: int, arrived: int) -> None:
        """Waits until so many signs and arrivals have come."""
        done: Deferred[None] = Deferred()
        self._told.append((alive, arrived, done))
        self._tell()
        done.addTimeout(5, reactor)
        await done
        # What told us has to finish first.
        await some_turns()
