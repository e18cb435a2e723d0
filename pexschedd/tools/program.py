"""Runs a tool: a reactor for one run, and an exit status."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NoReturn, TextIO, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

from pexschedd.doctor.text import harmless
from pexschedd.errors import ConfigError, PexscheddError
from pexschedd.tools.exit_status import ExitStatus, status_of
from pexschedd.util.signals import ignore_repeated_signals, interrupt_once

T = TypeVar("T")


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
        # Twisted's handlers take the place of Python's own only.
        reactor.addSystemEventTrigger("before", "startup", heed_again)
        reactor.addSystemEventTrigger("before", "shutdown", stop)
        ignore_repeated_signals(reactor)
        try:
            status = await _status(run, reactor)
        finally:
            done = True
        if reactor.running:
            # A signal that came meanwhile stops it now, and `react` need not.
            await deferLater(reactor, 0)
        raise SystemExit(status)

    _open_what_is_closed()
    heed_again = interrupt_once(signal.SIGINT, signal.SIGTERM)
    try:
        react(lambda reactor: Deferred.fromCoroutine(ended(reactor)), ())
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)  # the interpreter would die of it
        if stopped:
            sys.exit(ExitStatus.STOPPED)
    raise AssertionError("react always ends the process")


def written_out(run: Callable[[], T]) -> T:
    """Return what `run` returns once its output is written; it needs no reactor.

    Where the output cannot be written, the process ends as `run_program` ends it.
    """
    _open_what_is_closed()
    try:
        try:
            return run()
        finally:
            sys.stdout.flush()
    except OSError as error:
        sys.exit(_not_written(error))


def tell(error: PexscheddError, err: TextIO) -> ExitStatus:
    """Write why a tool could not do its work; return the exit status for it."""
    err.write(reason_text(error))
    return status_of(error)


def reason_text(error: PexscheddError) -> str:
    """Return why a tool could not do its work, in whole lines."""
    if isinstance(error, ConfigError):
        lines = [f"{error.path}: {problem}" for problem in error.problems]
    else:
        lines = [error.message]
    return "".join(f"{harmless(line)}\n" for line in lines)


def _open_what_is_closed() -> None:
    """Have a standard stream that the caller has closed be empty, or go nowhere."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
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
    except OSError as error:
        status = _not_written(error)
    except KeyboardInterrupt:  # in what needs no reactor, and so came before it ran
        status = ExitStatus.STOPPED
    return status


def _not_written(error: OSError) -> ExitStatus:
    """Say why the output could not be written, unless its reader has gone."""
    if isinstance(error, BrokenPipeError):
        _to_nowhere(sys.stdout, sys.stderr)
        return ExitStatus.UNREAD
    _to_nowhere(sys.stdout)
    sys.stderr.write(f"standard output: {error.strerror}\n")
    return ExitStatus.IO_ERROR


def _to_nowhere(*streams: TextIO) -> None:
    """Redirect streams whose buffers would fail again when they are closed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
