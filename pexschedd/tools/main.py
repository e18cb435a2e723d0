"""`pexschedd`: one command that reaches the daemon and all tools.

    pexschedd run [--config FILE]
    pexschedd doctor [--config FILE] ...

`run` is `twistd -n pexschedd` without what twistd adds to it: a file with the process's
number in the working directory, and its usage before each error.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pkgutil import resolve_name
from typing import NamedTuple

from twisted.scripts.twistd import run as run_twistd

from pexschedd.config import DEFAULT_PATH
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.program import written_out
from pexschedd.tools.version import version_text


class Subcommand(NamedTuple):
    """A subcommand: where its function is, which takes the command as it was typed."""

    function: str
    summary: str


SUBCOMMANDS = {
    "run": Subcommand("main:run", "run the daemon, in the foreground"),
    "check-config": Subcommand(
        "main:check_config", "report all errors in the configuration file"
    ),
    "doctor": Subcommand(
        "check:main", "report what is wrong with an integration, and how to fix it"
    ),
    "store": Subcommand(
        "store_command:main", "verify, repair, back up and restore the state folder"
    ),
    "password": Subcommand("password:main", "change the administrator's password"),
    "recovery": Subcommand("command:recovery", "restore rooms of accepted meetings"),
    "maintenance": Subcommand(
        "command:maintenance", "delete old items from the equipment mailboxes"
    ),
    "join": Subcommand(
        "join:main", "test what a room's screen would show for an invitation"
    ),
    "version": Subcommand(
        "main:version", "print the release and the format of the state"
    ),
}


def main() -> None:
    """Run `pexschedd`."""
    asked = written_out(lambda: arguments(sys.argv[1:]))
    name = f"pexschedd {asked.subcommand}"
    # Only this subcommand's modules are imported: some take a second.
    function: Callable[[str], None] = resolve_name(
        f"pexschedd.tools.{SUBCOMMANDS[asked.subcommand].function}"
    )
    sys.argv[:] = [name, *asked.rest]
    function(name)


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Parse the subcommand; what follows is for its own parser."""
    width = max(map(len, SUBCOMMANDS)) + 2
    parser = argparse.ArgumentParser(
        prog="pexschedd",
        description="Meeting-room scheduling for Microsoft Exchange.",
        epilog="\n".join(
            (
                "commands:",
                *(f"  {n:{width}}{s.summary}" for n, s in SUBCOMMANDS.items()),
                "",
                "pexschedd COMMAND --help tells more about each.",
            )
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version_text())
    parser.add_argument(
        "subcommand", metavar="COMMAND", choices=SUBCOMMANDS, help="see below"
    )
    rest = parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    rest.required = False  # or errors name it where the subcommand is missing
    return parser.parse_args(given)


def run(name: str) -> None:
    """Run the daemon until it is stopped."""
    parser = _parser(
        name,
        "Runs the daemon in the foreground. Its log goes to standard output.",
    )
    _twistd("--config", parser.parse_args().config)


def check_config(name: str) -> None:
    """Report every error in the configuration file, and end the process."""
    parser = _parser(
        name,
        "Reports all errors in the configuration file, and the permissions of the "
        "files that it names. Nothing is started.",
    )
    _twistd("--config", parser.parse_args().config, "--check-config")


def version(name: str) -> None:
    """Print the version."""
    parser = argparse.ArgumentParser(
        prog=name, description="Prints the release and the format of the state."
    )
    parser.add_argument("--version", action="version", version=version_text())
    written_out(parser.parse_args)
    written_out(lambda: sys.stdout.write(f"{version_text()}\n"))


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=name,
        description=description,
        epilog=f"Exit status: {ExitStatus.CONFIG} if the configuration file is wrong. "
        "All of them: docs/operations.md.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version_text())
    parser.add_argument(
        "--config",
        default=DEFAULT_PATH,
        metavar="FILE",
        help="the configuration file (default: %(default)s)",
    )
    return parser


def _twistd(*arguments: str) -> None:
    sys.argv[1:] = ["--nodaemon", "--pidfile=", "pexschedd", *arguments]
    run_twistd()
