"""What the programs have in common: a reactor for one run, and an exit status."""

import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NoReturn, TextIO

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from pexschedd.util.signals import ignore_repeated_signals

UNREAD = 141
"""Exit status when nobody reads on, as that of any program in a pipe to `head`."""
UNWRITTEN = 2
"""Exit status when what it says cannot be written: the disk of a file is full."""
STOPPED = 130
"""Exit status when a signal ends it before it is done, as that of a shell's command
after Ctrl-C."""


def program(run: Callable[[Any], Awaitable[int]]) -> NoReturn:
    """Ends the process with the exit status that comes of `run(reactor)`.

    Whoever reads what it says may have read enough: then it ends at once and without a
    word. What it does has to bear that, as it has to bear being killed.
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
    """Who closes standard output or error wants to hear nothing."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


async def _status(run: Callable[[Any], Awaitable[int]], reactor: Any) -> object:
    try:
        try:
            status: object = await run(reactor)
        except SystemExit as error:  # of the command line's parser
            status = error.code
        # Else it is found out when nobody can do anything about it any more.
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
    """What is left in their buffers would be written when they are closed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
