"""What the tests of signing in share."""

from collections.abc import Callable, Mapping, Sequence

from pexschedd.ews.auth import Authenticator, Connection, HttpRequest, HttpResponse
from pexschedd.net.errors import ConnectionFailure

REQUEST = HttpRequest({"Content-Type": "text/xml"}, b"<Envelope/>")


class Moved:
    """Stands before an answer that comes over a new connection."""


MOVED = Moved()

Answer = HttpResponse | ConnectionFailure | Callable[[HttpRequest], HttpResponse]


def answer(status: int, body: bytes = b"", **headers: str) -> HttpResponse:
    """`www_authenticate="NTLM"` becomes a header of that name."""
    named: Mapping[str, str] = {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return HttpResponse(status, named, body)


class ScriptedConnection:
    """A connection that answers what the test says, one answer for each request."""

    def __init__(
        self,
        answers: Sequence[Answer | Moved | Sequence[Answer | Moved]],
        certificate: bytes | None = None,
    ) -> None:
        self.sent: list[HttpRequest] = []
        self.serial = 0
        self._answers = list(answers)
        self._certificate = certificate

    def certificate(self) -> bytes | None:
        return self._certificate if self.serial else None

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.serial = max(self.serial, 1)
        self.sent.append(request)
        assert self._answers, f"a request too many: {dict(request.headers)}"
        reply = self._answers.pop(0)
        if isinstance(reply, Moved):
            self.serial += 1
            reply = self._answers.pop(0)
        if isinstance(reply, ConnectionFailure):
            raise reply
        if isinstance(reply, HttpResponse):
            return reply
        assert callable(reply)
        return reply(request)


class Counting:
    """Counts the requests that each exchange takes."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._connections: dict[Connection, _Counted] = {}
        self.sent: list[int] = []

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        counted = self._connections.setdefault(connection, _Counted(connection))
        before = counted.number
        try:
            return await self._authenticator.send(request, counted)
        finally:
            self.sent.append(counted.number - before)


class _Counted:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.number = 0

    @property
    def serial(self) -> int:
        return self._connection.serial

    def certificate(self) -> bytes | None:
        return self._connection.certificate()

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.number += 1
        return await self._connection.send(request)
