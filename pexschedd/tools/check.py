"""`pexschedd-check`: reports what is wrong with the configuration, and the remedies.

The running daemon makes the checks; without one, the tool does. Nothing is changed,
except by `--migrate`, and with `--live`, which tries out a tenant over Microsoft Graph
with meetings of its own.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from pexschedd.control.client import Fallback, carry_out
from pexschedd.control.protocol import (
    CheckOrder,
    Finished,
    MigrationOrder,
    TrialOrder,
)
from pexschedd.doctor.text import harmless, text
from pexschedd.doctor.trial.tenant_trial import PLAN
from pexschedd.doctor.trial.trial_report import trial_text
from pexschedd.errors import PexscheddError
from pexschedd.scheduling.run_requests import PROTOCOLS
from pexschedd.tools.arguments import (
    add_config,
    add_integration,
    migrated_id,
    tool_parser,
)
from pexschedd.tools.bundle import BundleRequest, run_bundle
from pexschedd.tools.command import run_without_daemon
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.program import run_program, tell
from pexschedd.tools.screen import Screen, summary

USER_LIMIT = 254
"""Characters of an e-mail address."""


class CheckArguments(msgspec.Struct, frozen=True):
    """A parsed command line."""

    config: Path
    order: CheckOrder | MigrationOrder | TrialOrder
    as_json: bool = False
    confirmed: bool = False
    """A trial may begin."""
    bundle: BundleRequest | None = None
    """Makes a support bundle instead of a report."""


def main(name: str = "pexschedd-check") -> None:
    """Run `pexschedd-check`, typed as `name`."""

    async def begin(reactor: Any) -> int:
        asked = arguments(sys.argv[1:], name)
        if asked.bundle is not None:
            return await run_bundle(
                asked.bundle,
                asked.config,
                reactor,
                sys.stderr,
                fallback=run_without_daemon,
            )
        return await run(
            asked, reactor, sys.stdout, sys.stderr, fallback=run_without_daemon
        )

    run_program(begin)


def arguments(given: Sequence[str], name: str = "pexschedd-check") -> CheckArguments:
    """Parse a command line; a wrong one ends the process with status 2."""
    parser = tool_parser(
        name,
        "Checks everything that an integration depends on - names, "
        "certificates, sign-in, permissions, the mailbox, the add-in - and reports "
        "what is wrong and how to put it right. Nothing is changed, except by "
        "--migrate and --live.",
        "0 if no check has failed, 1 if one has (with --live: if a question is open "
        "or something is left behind)",
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
    parser.add_argument(
        "--migrate",
        type=migrated_id,
        metavar="ID",
        help="have the integration with this ID use Microsoft Graph instead of EWS, if "
        "every check of what that needs passes; its fields have to be set before",
    )
    parser.add_argument(
        "--to",
        choices=PROTOCOLS,
        help="the interface that --migrate is to change to (default: GRAPH)",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="with --migrate: change nothing, only show what would be done",
    )
    parser.add_argument(
        "--live",
        type=int,
        metavar="ID",
        help="instead of the checks: try out how this integration's tenant behaves "
        "over Microsoft Graph, with meetings of the user named by --user, whose "
        "calendar the application may write. Says what it will do, and does it with "
        "--yes alone",
    )
    parser.add_argument(
        "--yes", action="store_true", help="begin what --live has announced"
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE",
        help="instead of a report, write a support bundle to a new file (.tar.gz): "
        "configuration, state, metrics and these checks, without secrets, subjects "
        "and persons' addresses",
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="with --bundle: the daemon's log, of which the last hour is added",
    )
    found = parser.parse_args(given)
    if found.log is not None and found.bundle is None:
        parser.error("--log is for --bundle")
    if found.migrate is not None and found.live is not None:
        parser.error("--migrate and --live exclude each other")
    if found.migrate is None and (found.to or found.dry_run):
        parser.error("--to and --dry-run are for --migrate")
    if found.live is None and found.yes:
        parser.error("--yes is for --live")
    if found.bundle is not None:
        return _bundle(parser, found)
    if found.migrate is not None:
        return _migration(parser, found)
    if found.live is not None:
        return _trial(parser, found)
    order = CheckOrder(
        exchange_connector_id=found.exchange_connector_id, user=found.user
    )
    return CheckArguments(found.config, order, found.json)


def _migration(
    parser: argparse.ArgumentParser, found: argparse.Namespace
) -> CheckArguments:
    if found.exchange_connector_id or found.user or found.json:
        parser.error("--migrate goes with --to, --dry-run and --config alone")
    migration = MigrationOrder(
        exchange_connector_id=found.migrate,
        to=found.to or PROTOCOLS[0],
        dry_run=found.dry_run,
    )
    return CheckArguments(found.config, migration)


def _bundle(
    parser: argparse.ArgumentParser, found: argparse.Namespace
) -> CheckArguments:
    others = (found.exchange_connector_id, found.user, found.json, found.migrate)
    if any(others) or found.live is not None:
        parser.error("--bundle goes with --log and --config alone")
    request = BundleRequest(found.bundle, found.log)
    return CheckArguments(found.config, CheckOrder(), bundle=request)


def _trial(
    parser: argparse.ArgumentParser, found: argparse.Namespace
) -> CheckArguments:
    if found.exchange_connector_id not in (None, found.live):
        parser.error("--live names the integration: leave --exchange-connector-id out")
    if not found.user:
        parser.error("--live needs --user ADDRESS, the organizer of its meetings")
    trial = TrialOrder(exchange_connector_id=found.live, user=found.user)
    return CheckArguments(found.config, trial, found.json, found.yes)


def _address(text: str) -> str:
    if not text or ("@" in text.strip("@") and len(text) <= USER_LIMIT):
        return text
    raise argparse.ArgumentTypeError(
        f'"{text[:100]}" is not an e-mail address such as someone@example.com'
    )


async def run(
    asked: CheckArguments, reactor: Any, out: TextIO, err: TextIO, *, fallback: Fallback
) -> int:
    """Have the checks made by the daemon, or by `fallback`; return the exit status.

    A trial that is not confirmed is only explained.
    """
    if isinstance(asked.order, TrialOrder):
        user, mailbox = harmless(asked.order.user), "the equipment mailbox"
        err.write(PLAN.lstrip().format(user=user, mailbox=mailbox))
        if not asked.confirmed:
            err.write("Nothing has been done. Add --yes to begin.\n")
            return ExitStatus.USAGE
    # Only the result goes to standard output, which may be a file.
    screen = Screen(err, terminal=err.isatty())
    try:
        finished = await carry_out(
            asked.order, asked.config, screen.show, reactor, fallback
        )
    except PexscheddError as error:
        screen.end()
        return tell(error, err)
    screen.end()
    checks = isinstance(asked.order, CheckOrder | TrialOrder)
    found = finished.reports or finished.trial
    if finished.refused or (checks and finished.reasons and not found):
        reasons = [finished.refused] if finished.refused else list(finished.reasons)
        err.writelines(f"{harmless(reason)}\n" for reason in reasons)
        return ExitStatus.USAGE if finished.refused else ExitStatus.UNAVAILABLE
    if isinstance(asked.order, MigrationOrder):
        out.write(summary(finished, dry_run=asked.order.dry_run))
        return ExitStatus.FAILED if finished.failures else ExitStatus.DONE
    if asked.as_json:
        out.write(_json(finished))
    elif finished.trial is not None:
        out.write(trial_text(finished.trial))
    else:
        out.write("\n".join(text(report) for report in finished.reports))
        if not finished.reports:
            out.write("There is no integration to check.\n")
    return ExitStatus.FAILED if finished.failures else ExitStatus.DONE


def _json(finished: Finished) -> str:
    found = finished.trial if finished.trial is not None else finished.reports
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
