"""A collector on a socket, which reads traces by OpenTelemetry's own types."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATH = "/v1/traces"


class Receiver:
    """What has arrived; `status` is what is answered."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: list[dict[str, str]] = []
        self.resources: list[dict[str, str]] = []
        self._spans: list[Any] = []
        self._lock = Lock()
        self.url = ""

    def take(self, headers: dict[str, str], body: bytes) -> None:
        """Keep what one request has; raises for what is not OTLP."""
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        with self._lock:
            self.headers.append(headers)
            for each in request.resource_spans:
                self.resources.append(values(each.resource))
                for scope in each.scope_spans:
                    assert scope.scope.name == "pexschedd"
                    self._spans.extend(scope.spans)

    def spans(self) -> list[Any]:
        """All spans so far."""
        with self._lock:
            return list(self._spans)

    def traces(self) -> dict[str, list[Any]]:
        """The spans of each trace by its id in hexadecimal, in the order in which they
        began."""
        found = defaultdict(list)
        for span in self.spans():
            found[span.trace_id.hex()].append(span)
        return {
            trace_id: sorted(
                spans, key=lambda s: (s.start_time_unix_nano, -s.end_time_unix_nano)
            )
            for trace_id, spans in found.items()
        }


def _order(span: Any) -> tuple[int, int]:
    """What began first; of two that began together, the one around the other."""
    return span.start_time_unix_nano, -span.end_time_unix_nano


def values(of: Any) -> dict[str, Any]:
    """The attributes of a span or a resource."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value"))
        for each in of.attributes
    }


def tree(spans: list[Any], parent: bytes = b"") -> list[Any]:
    """The names of spans below each other: a name, or a name and its children."""
    found = []
    for span in spans:
        if span.parent_span_id == parent:
            below = tree(spans, span.span_id)
            found.append([span.name, *below] if below else span.name)
    return found


def failed(span: Any) -> bool:
    """Whether its status is an error."""
    return bool(span.status.code == 2)


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """Listen on loopback."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == PATH
            assert self.headers["Content-Type"] == "application/x-protobuf"
            if received.status == 200:
                received.take(dict(self.headers), body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(received.status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    received.url = f"http://127.0.0.1:{server.server_address[1]}{PATH}"
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
