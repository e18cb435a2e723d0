"""A client that reads a stream of envelopes as they come."""

import base64
import re
from collections.abc import Callable
from typing import Any

import treq
from lxml import etree
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.web.client import HTTPConnectionPool
from twisted.web.http_headers import Headers

from tests.sandbox.sandbox_support import NS, Element, put_right, schema

_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
_END = re.compile(rb"</(?:\w+:)?Envelope>")
ALL = ("CreatedEvent", "NewMailEvent", "MovedEvent", "DeletedEvent", "ModifiedEvent")


def subscribe(
    folders: tuple[str, ...] = ("inbox",),
    events: tuple[str, ...] = ALL,
    kind: str = "Streaming",
    more: str = "",
) -> str:
    listed = "".join(f'<t:DistinguishedFolderId Id="{name}"/>' for name in folders)
    types = "".join(f"<t:EventType>{name}</t:EventType>" for name in events)
    return (
        f"<m:Subscribe><m:{kind}SubscriptionRequest><t:FolderIds>{listed}</t:FolderIds>"
        f"<t:EventTypes>{types}</t:EventTypes>{more}</m:{kind}SubscriptionRequest>"
        "</m:Subscribe>"
    )


def get_streaming_events(*ids: str, minutes: int = 30) -> str:
    listed = "".join(f"<t:SubscriptionId>{each}</t:SubscriptionId>" for each in ids)
    return (
        f"<m:GetStreamingEvents><m:SubscriptionIds>{listed}</m:SubscriptionIds>"
        f"<m:ConnectionTimeout>{minutes}</m:ConnectionTimeout></m:GetStreamingEvents>"
    )


def get_events(subscription: str, watermark: str) -> str:
    return (
        f"<m:GetEvents><m:SubscriptionId>{subscription}</m:SubscriptionId>"
        f"<m:Watermark>{watermark}</m:Watermark></m:GetEvents>"
    )


def unsubscribe(subscription: str) -> str:
    return (
        f"<m:Unsubscribe><m:SubscriptionId>{subscription}</m:SubscriptionId>"
        "</m:Unsubscribe>"
    )


def wrapped(request: str, acting_as: str | None = None) -> bytes:
    header = '<t:RequestServerVersion Version="Exchange2013_SP1"/>'
    if acting_as is not None:
        header += (
            "<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>"
            f"{acting_as}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
        )
    return (
        f"<s:Envelope {_DECLARED}><s:Header>{header}</s:Header>"
        f"<s:Body>{request}</s:Body></s:Envelope>"
    ).encode()


class Listener(Protocol):
    """Collects the envelopes of one answer."""

    def __init__(self) -> None:
        self.raw = b""
        self.envelopes: list[Element] = []
        self.ended = False
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        self.raw += data
        while (found := _END.search(self.raw)) is not None:
            whole, self.raw = self.raw[: found.end()], self.raw[found.end() :]
            self.envelopes.append(checked(whole))
        self._look()

    def connectionLost(self, reason: Any = None) -> None:
        self.ended = True
        self._look()

    async def until(self, true: Callable[[], bool]) -> None:
        """Fails after two seconds, in the caller's turn."""
        from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

        io: Any = reactor
        if true():
            return
        done: Deferred[None] = Deferred()
        self._waiting.append((true, done))
        done.addTimeout(2, io)
        await done

    async def count(self, number: int) -> None:
        await self.until(lambda: len(self.envelopes) >= number)

    async def end(self) -> None:
        await self.until(lambda: self.ended)

    def _look(self) -> None:
        ready = [each for each in self._waiting if each[0]()]
        self._waiting = [each for each in self._waiting if each not in ready]
        for _, done in ready:
            done.callback(None)

    def statuses(self) -> list[str]:
        """Of each envelope: its ConnectionStatus, its error's code, or its events."""
        return [_summary(each) for each in self.envelopes]

    def events(self) -> list[Element]:
        return [
            event
            for each in self.envelopes
            for event in each.iterfind(".//m:Notification/*", NS)
            if etree.QName(event).localname != "SubscriptionId"
        ]


def checked(data: bytes) -> Element:
    """An envelope that is valid once the two elements that servers put into the wrong
    namespace are put right."""
    envelope = etree.fromstring(data.strip())
    copy = put_right(etree.fromstring(data.strip()))
    if schema() is not None:
        assert schema().validate(copy), f"{schema().error_log}\n{data.decode()}"
    return envelope


def _summary(envelope: Element) -> str:
    found = envelope.find(".//m:ConnectionStatus", NS)
    if found is not None:
        return found.text or ""
    code = envelope.findtext(".//m:ResponseCode", "", NS)
    if code != "NoError":
        return code
    events = envelope.iterfind(".//m:Notification/*", NS)
    names = [etree.QName(each).localname for each in events]
    return " ".join(name for name in names if name != "SubscriptionId")


class Speaker:
    """One account at a sandbox on a socket. Each stream has its own connection."""

    def __init__(self, url: str, user: str, password: str | None = None) -> None:
        pair = f"{user}:{password or user.partition('@')[0]}"
        token = base64.b64encode(pair.encode()).decode()
        self._url = f"{url}/EWS/Exchange.asmx"
        self._headers = {"authorization": f"Basic {token}"}

    async def post(
        self, request: str, acting_as: str | None = None, **headers: str
    ) -> Any:
        from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

        more = {name.replace("_", "-"): value for name, value in headers.items()}
        both = {**self._headers, **more}
        return await treq.post(
            self._url,
            data=wrapped(request, acting_as),
            headers=Headers({name: [value] for name, value in both.items()}),
            pool=HTTPConnectionPool(reactor, persistent=False),
            unbuffered=True,
        )

    async def ask(
        self, request: str, acting_as: str | None = None, **headers: str
    ) -> tuple[Element, Any]:
        response = await self.post(request, acting_as, **headers)
        return etree.fromstring(await treq.content(response)), response

    async def subscribe(self, acting_as: str | None = None, **more: Any) -> str:
        answer, _ = await self.ask(subscribe(**more), acting_as)
        return answer.findtext(".//m:SubscriptionId", "", NS)

    async def listen(
        self,
        *ids: str,
        minutes: int = 30,
        acting_as: str | None = None,
        **headers: str,
    ) -> Listener:
        response = await self.post(
            get_streaming_events(*ids, minutes=minutes), acting_as, **headers
        )
        listener = Listener()
        response.deliverBody(listener)
        return listener
