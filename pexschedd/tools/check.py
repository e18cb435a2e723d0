"""`pexschedd-check`: what is wrong with the configuration, and how to mend it.

Asks the running daemon; without one, looks by itself. Changes nothing.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from pexschedd.control.client import Alone, carried_out
from pexschedd.control.protocol import CheckOrder
from pexschedd.doctor.text import harmless, text
from pexschedd.errors import ConfigError, PexscheddError
from pexschedd.tools.arguments import add_config, integration_id
from pexschedd.tools.command import without_daemon
from pexschedd.tools.program import program
from pexschedd.tools.screen import Screen

PASSED, FAILED, CANNOT_RUN = 0, 1, 2
"""Exit status."""

USER_LIMIT = 254
"""Characters of an e-mail address."""


class CheckArguments(msgspec.Struct, frozen=True):
    config: Path
    order: CheckOrder
    as_json: bool = False


def main() -> None:
    """`pexschedd-check`"""

    async def begin(reactor: Any) -> int:
        asked = arguments(sys.argv[1:])
        return await run(asked, reactor, sys.stdout, sys.stderr, alone=without_daemon)

    program(begin)


def arguments(given: Sequence[str]) -> CheckArguments:
    """Wrong ones end the process with status 2."""
    parser = argparse.ArgumentParser(
        prog="pexschedd-check",
        description="Looks at everything that an integration depends on - names, "
        "certificates, sign-in, permissions, the mailbox, the add-in - and says what "
        "is wrong and what mends it. Nothing is changed.",
        epilog="Exit status: 0 if nothing has failed, 1 if something has, 2 if the "
        "check cannot be made.",
        allow_abbrev=False,
    )
    add_config(parser)
    parser.add_argument(
        "--exchange-connector-id",
        type=integration_id,
        metavar="ID",
        help="only this integration (default: all of them)",
    )
    parser.add_argument(
        "--user",
        type=_address,
        default="",
        metavar="ADDRESS",
        help="somebody who uses the add-in: tries whether the service account may act "
        "for them",
    )
    parser.add_argument(
        "--json", action="store_true", help="for programs: a list of reports"
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
    asked: CheckArguments, reactor: Any, out: TextIO, err: TextIO, *, alone: Alone
) -> int:
    """Has the check made, by the daemon or by `alone`; returns the exit status."""
    # Standard output is for the result alone: it may go into a file.
    screen = Screen(err, terminal=err.isatty())
    try:
        finished = await carried_out(
            asked.order, asked.config, screen.show, reactor, alone
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
