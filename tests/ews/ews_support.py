"""What the tests of the Exchange client share: answers to read and servers to ask."""

import base64
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from pexschedd.ews.envelope import MESSAGES, SOAP, TYPES

SERIES = Path(__file__).parent / "samples" / "meeting_request_series.xml"
"""An answer to GetItem, valid by Exchange's schema: a series, and an item that is
gone."""


def soap(body: str) -> bytes:
    """An answer as the server wraps it."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<s:Envelope xmlns:s="{SOAP}"><s:Header>'
        f'<h:ServerVersionInfo MajorVersion="15" MinorVersion="2" xmlns:h="{TYPES}"/>'
        f'</s:Header><s:Body xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">{body}</s:Body>'
        "</s:Envelope>"
    ).encode()


def response(operation: str, *messages: str) -> bytes:
    return soap(
        f"<m:{operation}Response><m:ResponseMessages>{''.join(messages)}"
        f"</m:ResponseMessages></m:{operation}Response>"
    )


def success(operation: str, content: str = "") -> str:
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Success">'
        f"<m:ResponseCode>NoError</m:ResponseCode>{content}"
        f"</m:{operation}ResponseMessage>"
    )


def failure(
    operation: str, code: str, text: str = "", values: str = "", level: str = "Error"
) -> str:
    return (
        f'<m:{operation}ResponseMessage ResponseClass="{level}">'
        f"<m:MessageText>{escape(text)}</m:MessageText>"
        f"<m:ResponseCode>{code}</m:ResponseCode>"
        f"<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
        f"<m:MessageXml>{values}</m:MessageXml>"
        f"</m:{operation}ResponseMessage>"
    )


def back_off(milliseconds: int) -> str:
    return f'<t:Value Name="BackOffMilliseconds">{milliseconds}</t:Value>'


def fault(code: str, text: str = "", values: str = "") -> bytes:
    return soap(
        f"<s:Fault><faultcode>a:{code}</faultcode><faultstring>{escape(text)}"
        "</faultstring><detail>"
        '<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006'
        f'/errors">{code}</e:ResponseCode><t:MessageXml>{values}</t:MessageXml>'
        "</detail></s:Fault>"
    )


def item(kind: str, item_id: str, content: str = "", change_key: str = "CK1") -> str:
    return success(
        "GetItem",
        f"<m:Items><t:{kind}><t:ItemId Id={quoteattr(item_id)} "
        f"ChangeKey={quoteattr(change_key)}/>{content}</t:{kind}></m:Items>",
    )


def meeting_request(item_id: str, received: str, content: str = "") -> str:
    return item(
        "MeetingRequest",
        item_id,
        "<t:ItemClass>IPM.Schedule.Meeting.Request</t:ItemClass>"
        f"<t:DateTimeReceived>{received}</t:DateTimeReceived>{content}",
    )


def named(group: str, number: int, value: str, kind: str = "Binary") -> str:
    """An extended property, as an answer holds it."""
    return (
        f'<t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId="{group}" '
        f'PropertyId="{number}" PropertyType="{kind}"/>'
        f"<t:Value>{escape(value)}</t:Value></t:ExtendedProperty>"
    )


def binary(value: bytes) -> str:
    return base64.b64encode(value).decode()


# Servers

Behaviour = Callable[["RawServer", int], None]
"""Called with the connection and the number of the request, from 1, over all
connections of the server."""


class RawServer(Protocol):
    """Reads whole HTTP requests and lets a behaviour write whatever it likes."""

    def __init__(self, site: "RawSite") -> None:
        self._site = site
        self._buffer = b""
        self.lost = False

    def connectionMade(self) -> None:
        self._site.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            self._site.requests.append((head, rest[:length]))
            self._site.behaviour(self, len(self._site.requests))

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True
        self._site.lost += 1
        waiting, self._site.waiting_for_loss = self._site.waiting_for_loss, []
        for deferred in waiting:
            deferred.callback(None)

    def write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def answer(
        self,
        body: bytes,
        status: str = "200 OK",
        headers: Sequence[str] = (),
        content_type: str = "text/xml; charset=utf-8",
        *,
        zipped: bool = False,
    ) -> None:
        extra = list(headers)
        if zipped:
            body = gzip.compress(body)
            extra.append("Content-Encoding: gzip")
        lines = [
            f"HTTP/1.1 {status}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            *extra,
        ]
        self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def close(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()

    def reset(self) -> None:
        if self.lost:
            return  # Twisted's TLS cannot abort twice
        abort = getattr(self.transport, "abortConnection", None)
        assert abort is not None
        abort()


class RawSite(Factory):
    """One server: what it is to do, and what it has seen."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.connections: list[RawServer] = []
        self.requests: list[tuple[bytes, bytes]] = []
        self.lost = 0
        self.waiting_for_loss: list[Deferred[None]] = []
        self.port = 0

    def buildProtocol(self, _addr: Any) -> RawServer:
        return RawServer(self)

    async def all_lost(self) -> None:
        """Waits until all connections are closed."""
        while self.lost < len(self.connections):
            deferred: Deferred[None] = Deferred()
            self.waiting_for_loss.append(deferred)
            await deferred

    def url(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}/EWS/Exchange.asmx"


Starter = Callable[..., RawSite]
"""Starts a server with a behaviour, and with TLS if a context is given."""
