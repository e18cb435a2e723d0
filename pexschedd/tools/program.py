"""Runs a tool: a reactor for one run, and an exit status."""

import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NoReturn, TextIO

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from pexschedd.util.signals import ignore_repeated_signals

UNREAD = 141
"""Exit status when the output's reader has gone, as in a pipe to `head`."""
UNWRITTEN = 2
"""Exit status when the output cannot be written, as on a full disk."""
STOPPED = 130
"""Exit status when a signal ends the run, as in a shell after Ctrl-C."""


def run_program(run: Callable[[Any], Awaitable[int]]) -> NoReturn:
    """End the process with the exit status that `run(reactor)` returns.

    If the reader of its output has gone, the process ends at once, without a message;
    `run` has to be prepared for that, as for being killed.
    """
    done = stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = not done

    async def ended(reactor: Any) -> None:
        nonlocal done
        reactor.addSystemEventTrigger("before", "shutdown", stop)
        ignore_repeated_signals(reactor)
        status = await _status(run, reactor)
        done = True
        raise SystemExit(status)

    _open_what_is_closed()
    try:
        react(lambda reactor: Deferred.fromCoroutine(ended(reactor)), ())
    finally:
        if stopped:
            sys.exit(STOPPED)
    raise AssertionError("react always ends the process")


def _open_what_is_closed() -> None:
    """Discard the output to a standard stream that the caller has closed."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


async def _status(run: Callable[[Any], Awaitable[int]], reactor: Any) -> object:
    try:
        try:
            status: object = await run(reactor)
        except SystemExit as error:  # of the command line's parser
            status = error.code
        # Otherwise the interpreter would find out at its very end.
        sys.stdout.flush()
    except BrokenPipeError:
        _to_nowhere(sys.stdout, sys.stderr)
        status = UNREAD
    except OSError as error:
        _to_nowhere(sys.stdout)
        sys.stderr.write(f"standard output: {error.strerror}\n")
        status = UNWRITTEN
    return status


def _to_nowhere(*streams: TextIO) -> None:
    """Redirect streams whose buffers would fail again when they are closed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
