"""The program of a worker process: calls functions that it is handed, one at a time.

A message, in either direction, is its length in eight bytes, big-endian, and a pickle:
of a callable without arguments, and of whether it returned and what it returned or
raised. Only the parent, which runs as the same user, writes to the input.
"""

import os
import pickle
import resource
import signal
import struct
import sys
from contextlib import suppress
from typing import Any, BinaryIO

LENGTH = struct.Struct(">Q")

MEMORY = 1024 * 1024 * 1024
"""Bytes that a worker may have; it fails at what needs more."""

_NICE = 5
"""The daemon itself comes first when there is one processor only."""


def main() -> None:
    """Serve standard input until it ends."""
    # The end of the daemon is the parent's business, also when systemd or a terminal
    # signals all of its processes.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    os.nice(_NICE)
    with suppress(BrokenPipeError):  # the parent is gone
        serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer each message of `source` on `target`."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        (size,) = LENGTH.unpack(head)
        data = result_of(source.read(size))
        target.write(LENGTH.pack(len(data)))
        target.write(data)
        target.flush()


def result_of(message: bytes) -> bytes:
    """Call what the message holds; return the pickle of the outcome."""
    outcome: tuple[bool, Any]
    try:
        outcome = True, pickle.loads(message)()  # noqa: S301 - from the parent
        return pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        outcome = False, error
    try:
        data = pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)
        pickle.loads(data)  # noqa: S301 - some exceptions cannot be made again
    except Exception:  # noqa: BLE001 - so its text has to do
        outcome = False, RuntimeError(repr(outcome[1])[:1000])
        data = pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)
    return data
