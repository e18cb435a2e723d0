"""Log lines as entries of systemd's journal, each key a field of its own.

The journal's native protocol: one datagram for an entry, in it each field as
`NAME=value` and a newline, or, if the value has newlines, `NAME`, a newline, the length
in 64 bits (little-endian), the value and a newline. See "Native Journal Protocol" in
systemd's documents.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

SOCKET = Path("/run/systemd/journal/socket")

PRIORITIES = {"debug": 7, "info": 6, "warn": 4, "error": 3, "critical": 2}
"""The priorities of syslog (RFC 5424, section 6.2.1) for our levels."""

IDENTIFIER = "pexschedd"
PREFIX = "PEXSCHEDD_"

LONGEST = 100_000
"""Bytes of a value: datagrams have an end, at some 200,000 bytes."""

Write = Callable[[bytes], int]


def journal_fields(line: bytes) -> Iterator[tuple[str, str]]:
    """Yield the fields of an entry for a log line, which is JSON or plain text."""
    try:
        keys = msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        keys = {"message": line.decode("utf-8", "replace")}
    message = keys.pop("message", None)
    if message is None:  # an access line
        message = " ".join(str(keys.get(k, "")) for k in ("method", "path", "status"))
    traceback = keys.pop("traceback", None)
    keys.pop("time", None)  # the journal has its own
    yield "MESSAGE", f"{message}\n{traceback}" if traceback else str(message)
    yield "PRIORITY", str(PRIORITIES.get(str(keys.pop("level", "info")), 6))
    yield "SYSLOG_IDENTIFIER", IDENTIFIER
    for key, value in keys.items():
        yield PREFIX + key.upper(), str(value)


def journal_entry(line: bytes) -> bytes:
    """Return the datagram for a log line."""
    return b"".join(_field(name, value) for name, value in journal_fields(line))


def _field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")[:LONGEST]
    if b"\n" not in data:
        return b"%s=%s\n" % (name.encode(), data)
    return b"%s\n%s%s\n" % (name.encode(), len(data).to_bytes(8, "little"), data)


class JournalWriter:
    """The journal as a destination of log lines; may block.

    A line that the journal does not take, as outside of systemd, is given to `instead`,
    the writer to standard output.
    """

    def __init__(self, instead: Write, path: Path = SOCKET) -> None:
        self._instead = instead
        self._path = path
        self._socket: socket.socket | None = None
        self._rest = b""

    def __call__(self, data: bytes) -> int:
        """Take some bytes of lines; return how many, which is all of them."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line:
                self._send(line)
        return len(data)

    def _send(self, line: bytes) -> None:
        entry = journal_entry(line)
        for _ in range(2):  # the journal may have started anew since the last line
            try:
                if self._socket is None:
                    self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                    self._socket.connect(os.fspath(self._path))
                self._socket.send(entry)
            except OSError:
                self.close()
            else:
                return
        left = line + b"\n"
        while left:
            left = left[self._instead(left) :]

    def close(self) -> None:
        """Give the socket up; the next line opens it again."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None
