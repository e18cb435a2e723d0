"""The access log: one line of JSON for each answer."""

from collections.abc import Callable

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

AccessSink = Callable[[str], None]
"""Takes one line without its newline."""

_LONGEST_METHOD, _LONGEST_PATH = 20, 200
_KEYED = b"/feedback/"
"""The beginning of paths that end with an endpoint's key, which is left out."""
_WEBHOOK = b"/change_notifications/"
"""The part of a path that a webhook's key comes after, which is left out as well."""


class AnsweredRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and the request that it is for."""

    time: str
    """ISO 8601."""
    request_id: str
    address: str
    """The client's IP address."""
    method: bytes = b""
    path: bytes = b""
    """Without the query, which may hold what does not belong into a log. Both are empty
    for a request that could not be read."""
    status: int
    size: int
    """Bytes of the answer's body."""
    milliseconds: float


def access_line(answer: AnsweredRequest) -> str:
    """Return the line. The JSON is built by hand, for speed: nothing in it needs more
    escaping than the method and the path."""
    path = answer.path
    if path.startswith(_KEYED):
        path = b"/".join([*path.split(b"/")[:3], b"..."])
    elif _WEBHOOK in path:
        path = path.partition(_WEBHOOK)[0] + _WEBHOOK + b"..."
    return (
        f'{{"time":"{answer.time}","log":"access","request":"{answer.request_id}",'
        f'"address":"{answer.address}",'
        f'"method":"{_escaped(answer.method, _LONGEST_METHOD)}",'
        f'"path":"{_escaped(path, _LONGEST_PATH)}","status":{answer.status},'
        f'"bytes":{answer.size},"ms":{answer.milliseconds:.1f}}}'
    )


def _escaped(sent: bytes, longest: int) -> str:
    text = sent.decode("ascii", "replace")[:longest]
    return text.replace("\\", "\\\\").replace('"', '\\"')


class BufferedSink:
    """A sink that collects lines and writes them together, at most half a second
    later."""

    _log = Logger()

    def __init__(self, write: Callable[[str], object], clock: IReactorTime) -> None:
        self._write = write
        self._clock = clock
        self._lines: list[str] = []

    def __call__(self, line: str) -> None:
        if not self._lines:
            self._clock.callLater(0.5, self.flush)
        self._lines.append(line)

    def flush(self) -> None:
        """Write the lines that have been collected."""
        lines, self._lines = self._lines, []
        if lines:
            self._write("\n".join(lines) + "\n")
