"""`pexschedd-check`: reports what is wrong with the configuration, and the remedies.

The running daemon makes the checks; without one, the tool does. Nothing is changed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from pexschedd.control.client import Fallback, carry_out
from pexschedd.control.protocol import CheckOrder
from pexschedd.doctor.text import harmless, text
from pexschedd.errors import ConfigError, PexscheddError
from pexschedd.tools.arguments import add_config, add_integration
from pexschedd.tools.command import run_without_daemon
from pexschedd.tools.program import run_program
from pexschedd.tools.screen import Screen

PASSED, FAILED, CANNOT_RUN = 0, 1, 2
"""Exit status."""

USER_LIMIT = 254
"""Characters of an e-mail address."""


class CheckArguments(msgspec.Struct, frozen=True):
    """A parsed command line."""

    config: Path
    order: CheckOrder
    as_json: bool = False


def main() -> None:
    """Run `pexschedd-check`."""

    async def begin(reactor: Any) -> int:
        asked = arguments(sys.argv[1:])
        return await run(
            asked, reactor, sys.stdout, sys.stderr, fallback=run_without_daemon
        )

    run_program(begin)


def arguments(given: Sequence[str]) -> CheckArguments:
    """Parse a command line; a wrong one ends the process with status 2."""
    parser = argparse.ArgumentParser(
        prog="pexschedd-check",
        description="Checks everything that an integration depends on - names, "
        "certificates, sign-in, permissions, the mailbox, the add-in - and reports "
        "what is wrong and how to put it right. Nothing is changed.",
        epilog="Exit status: 0 if no check has failed, 1 if one has, 2 if the checks "
        "cannot be made.",
        allow_abbrev=False,
    )
    add_config(parser)
    add_integration(parser)
    parser.add_argument(
        "--user",
        type=_address,
        default="",
        metavar="ADDRESS",
        help="a user of the add-in: also check whether the service account may act for "
        "them",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the reports as JSON, for other programs",
    )
    found = parser.parse_args(given)
    order = CheckOrder(
        exchange_connector_id=found.exchange_connector_id, user=found.user
    )
    return CheckArguments(found.config, order, found.json)


def _address(text: str) -> str:
    if not text or ("@" in text.strip("@") and len(text) <= USER_LIMIT):
        return text
    raise argparse.ArgumentTypeError(
        f'"{text[:100]}" is not an e-mail address such as someone@example.com'
    )


async def run(
    asked: CheckArguments, reactor: Any, out: TextIO, err: TextIO, *, fallback: Fallback
) -> int:
    """Have the checks made by the daemon, or by `fallback`; return the exit status."""
    # Only the result goes to standard output, which may be a file.
    screen = Screen(err, terminal=err.isatty())
    try:
        finished = await carry_out(
            asked.order, asked.config, screen.show, reactor, fallback
        )
    except ConfigError as error:
        err.writelines(f"{asked.config}: {problem}\n" for problem in error.problems)
        return CANNOT_RUN
    except PexscheddError as error:
        screen.end()
        err.write(f"{harmless(error.message)}\n")
        return CANNOT_RUN
    screen.end()
    if finished.refused or (finished.reasons and not finished.reports):
        reasons = [finished.refused] if finished.refused else list(finished.reasons)
        err.writelines(f"{harmless(reason)}\n" for reason in reasons)
        return CANNOT_RUN
    if asked.as_json:
        encoded = msgspec.json.encode(finished.reports)
        out.write(msgspec.json.format(encoded, indent=2).decode() + "\n")
    else:
        out.write("\n".join(text(report) for report in finished.reports))
        if not finished.reports:
            out.write("There is no integration to check.\n")
    return FAILED if finished.failures else PASSED
