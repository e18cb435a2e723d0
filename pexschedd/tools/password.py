"""`pexschedd-password`: gives the administrator another password.

Asks the running daemon for it, or does it on the state folder. Whoever may do that may
read the folder anyway, so the old password is not wanted: it may be forgotten.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from getpass import getpass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from pexschedd.control.client import Alone, carried_out
from pexschedd.control.protocol import PasswordOrder
from pexschedd.errors import ConfigError, PexscheddError
from pexschedd.identity.initial_password import first_line
from pexschedd.tools.arguments import add_config
from pexschedd.tools.command import without_daemon
from pexschedd.tools.program import STOPPED, program
from pexschedd.tools.screen import Screen

DONE, FAILED, USAGE = 0, 1, 2
"""Exit status."""

_LIMIT = 8192
"""Bytes of a line that are looked at."""


def main() -> None:
    """`pexschedd-password`"""
    config = arguments(sys.argv[1:])
    password = problem = ""
    # Before there is a reactor, for which Ctrl-C is something else.
    try:
        password = given()
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    except ValueError as error:
        problem = str(error)

    async def begin(reactor: Any) -> int:
        if problem:
            return _usage(sys.stderr, problem)
        order = PasswordOrder(password=password)
        return await run(
            config, order, reactor, sys.stdout, sys.stderr, alone=without_daemon
        )

    program(begin)


def arguments(words: Sequence[str]) -> Path:
    """The configuration file; wrong ones end the process with status 2."""
    parser = argparse.ArgumentParser(
        prog="pexschedd-password",
        description="Gives the administrator, admin, another password. It is asked for "
        "on a terminal; otherwise it is the first line of standard input.",
        epilog="Exit status: 0 if it was changed, 1 if that failed, 2 if the command "
        "line, the configuration file or the password is wrong.",
        allow_abbrev=False,
    )
    add_config(parser)
    config: Path = parser.parse_args(words).config
    return config


def given() -> str:
    """The password, from wherever it comes. Raises `ValueError`."""
    if sys.stdin is None:  # it is closed
        raise ValueError("no password was given")
    return asked_for() if sys.stdin.isatty() else piped(sys.stdin.buffer)


def asked_for(ask: Callable[[str], str] = getpass) -> str:
    """What somebody at a terminal has typed twice. Raises `ValueError`."""
    try:
        password = ask("New password for admin: ")
        again = ask("Once more: ")
    except EOFError:
        raise ValueError("no password was given") from None
    except UnicodeDecodeError:  # which says a part of it
        raise ValueError("the terminal and the locale differ in encoding") from None
    if password != again:
        raise ValueError("the two are not the same")
    return password


def piped(stream: BinaryIO) -> str:
    """The first line of what a program or a file gives. Raises `ValueError`."""
    try:
        return first_line(stream.readline(_LIMIT))
    except ValueError as error:
        raise ValueError(f"standard input: {error}") from None


async def run(
    config: Path,
    order: PasswordOrder,
    reactor: Any,
    out: TextIO,
    err: TextIO,
    *,
    alone: Alone,
) -> int:
    """Has it changed, by the daemon or by `alone`; returns the exit status."""
    screen = Screen(err, terminal=False)
    try:
        finished = await carried_out(order, config, screen.show, reactor, alone)
    except ConfigError as error:
        err.writelines(f"{config}: {problem}\n" for problem in error.problems)
        return USAGE
    except PexscheddError as error:
        err.write(f"{error.message}\n")
        return FAILED
    if finished.refused:
        return _usage(err, finished.refused)
    if finished.failures:
        err.writelines(f"{reason}\n" for reason in finished.reasons)
        return FAILED
    out.write("The administrator's password has been changed.\n")
    return DONE


def _usage(err: TextIO, problem: str) -> int:
    err.write(f"{problem}\n")
    return USAGE
