"""A small HTTP load generator: raw keep-alive sockets, so the server is what is slow.

Bounded in requests; meant for loopback only.
"""

import selectors
import socket
from time import perf_counter
from typing import NamedTuple


class Load(NamedTuple):
    per_second: float
    p50_ms: float
    p99_ms: float
    longest_ms: float


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.sent_at = perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Whether a whole answer has arrived; raises if it is not a success."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(self.buffer[:2000].decode())
        self.buffer = body[length:]
        return True


def get(path: str, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def run(port: int, requests: list[bytes], *, count: int, connections: int = 20) -> Load:
    """Sends `count` requests, taken in turn from `requests`, over keep-alive
    connections with one request under way on each."""
    times: list[float] = []
    selector = selectors.DefaultSelector()
    pool = [_Connection(port) for _ in range(connections)]
    sent = 0
    started = perf_counter()
    for connection in pool:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(requests[sent % len(requests)])
        sent += 1
    while len(times) < count:
        for key, _ in selector.select(timeout=30):
            connection = key.data
            if not connection.receive():
                continue
            times.append(perf_counter() - connection.sent_at)
            if sent < count:
                connection.send(requests[sent % len(requests)])
                sent += 1
    elapsed = perf_counter() - started
    for connection in pool:
        selector.unregister(connection.socket)
        connection.socket.close()
    selector.close()
    times.sort()
    return Load(
        per_second=count / elapsed,
        p50_ms=times[len(times) // 2] * 1000,
        p99_ms=times[int(len(times) * 0.99)] * 1000,
        longest_ms=times[-1] * 1000,
    )
