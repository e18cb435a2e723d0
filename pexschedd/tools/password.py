"""`pexschedd-password`: changes the administrator's password.

The running daemon does it; without one, the tool does. A user who may run this may also
read the state folder, so the old password, which may be forgotten, is not needed.
"""

import signal
import sys
from collections.abc import Callable, Sequence
from getpass import getpass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from pexschedd.control.client import Fallback, carry_out
from pexschedd.control.protocol import PasswordOrder
from pexschedd.errors import PexscheddError
from pexschedd.identity.initial_password import first_line
from pexschedd.tools.arguments import add_config, tool_parser
from pexschedd.tools.command import run_without_daemon
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.program import run_program, tell, written_out
from pexschedd.tools.screen import Screen
from pexschedd.util.signals import interrupt_once

_LIMIT = 8192
"""Bytes read of the line with the password."""


def main(name: str = "pexschedd-password") -> None:
    """Run `pexschedd-password`, typed as `name`."""
    config = written_out(lambda: arguments(sys.argv[1:], name))
    password = problem = ""
    try:
        password = read_password()  # Ctrl-C is heeded better without a reactor
    except ValueError as error:
        problem = str(error)

    async def begin(reactor: Any) -> int:
        if problem:
            return _usage(sys.stderr, problem)
        order = PasswordOrder(password=password)
        return await run(
            config, order, reactor, sys.stdout, sys.stderr, fallback=run_without_daemon
        )

    run_program(begin)


def arguments(words: Sequence[str], name: str = "pexschedd-password") -> Path:
    """Parse a command line and return the configuration file's path.

    A wrong one ends the process with status 2.
    """
    parser = tool_parser(
        name,
        "Changes the password of the administrator admin, who then has the "
        "role Full, and is made again if deleted. You are asked "
        "for the new one on a terminal; otherwise it is the first line of standard "
        "input.",
        "0 if it was changed, 1 if that failed",
    )
    add_config(parser)
    config: Path = parser.parse_args(words).config
    return config


def read_password() -> str:
    """Read the password from the terminal or standard input. Raises `ValueError`."""
    if not sys.stdin.isatty():
        return read_piped(sys.stdin.buffer)
    # The terminal would be left without its echo by a process that is ended.
    heed_again = interrupt_once(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        return prompt_password()
    finally:
        heed_again()


def prompt_password(ask: Callable[[str], str] = getpass) -> str:
    """Ask for the password twice at a terminal. Raises `ValueError`."""
    try:
        password = ask("New password for admin: ")
        again = ask("Repeat the password: ")
    except EOFError:
        raise ValueError("no password was given") from None
    except UnicodeDecodeError:  # which says a part of it
        raise ValueError(
            "the terminal and the locale have different encodings"
        ) from None
    if password != again:
        raise ValueError("the two passwords are not the same")
    return password


def read_piped(stream: BinaryIO) -> str:
    """Read the password from the first line of a stream. Raises `ValueError`."""
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
    fallback: Fallback,
) -> int:
    """Have the password changed by the daemon, or by `fallback`; return the exit
    status."""
    screen = Screen(err, terminal=False)
    try:
        finished = await carry_out(order, config, screen.show, reactor, fallback)
    except PexscheddError as error:
        return tell(error, err)
    if finished.refused:
        return _usage(err, finished.refused)
    if finished.failures:
        err.writelines(f"{reason}\n" for reason in finished.reasons)
        return ExitStatus.FAILED
    out.write("The administrator's password has been changed.\n")
    return ExitStatus.DONE


def _usage(err: TextIO, problem: str) -> int:
    err.write(f"{problem}\n")
    return ExitStatus.USAGE
