"""A KDC proxy (MS-KKDCP): Kerberos inside HTTPS, as a behaviour for `RawSite`."""

import socket

from tests.ews.ews_support import RawServer, RawSite
from tests.peers.kdc import Kdc


class KdcProxy:
    """Hands each message to the KDC and brings back its answer."""

    def __init__(self, kdc: Kdc) -> None:
        self._kdc = kdc
        self.site: RawSite
        self.paths: list[str] = []

    def __call__(self, connection: RawServer, number: int) -> None:
        head, body = self.site.requests[number - 1]
        self.paths.append(head.split()[1].decode())
        # KDC-PROXY-MESSAGE ::= SEQUENCE { kerb-message [0] OCTET STRING, ... }
        message = _inside(_inside(_inside(body)))
        with socket.create_connection(("127.0.0.1", self._kdc.port), timeout=5) as kdc:
            kdc.sendall(message)
            reply = kdc.makefile("rb")
            size = reply.read(4)
            answer = size + reply.read(int.from_bytes(size, "big"))
        wrapped = _wrap(0x30, _wrap(0xA0, _wrap(0x04, answer)))
        connection.answer(wrapped, content_type="application/kerberos")
        connection.close()


def _inside(der: bytes) -> bytes:
    """The content of the first element."""
    if der[1] < 0x80:
        return der[2 : 2 + der[1]]
    start = 2 + (der[1] & 0x7F)
    return der[start : start + int.from_bytes(der[2:start], "big")]


def _wrap(tag: int, content: bytes) -> bytes:
    return bytes((tag, 0x84)) + len(content).to_bytes(4, "big") + content
