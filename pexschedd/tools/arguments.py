"""The command lines of `schedulingrecovery` and `schedulingmaintenance` (deployment
guide, "Maintenance and recovery procedures").

`name` is the command as it was typed: each tool is a command of its own and a
subcommand of `pexschedd`. A wrong command line ends the process with status 2 and an
explanation.
"""

import argparse
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pexschedd.config import DEFAULT_PATH
from pexschedd.control.protocol import (
    MailboxOrder,
    MaintenanceOrder,
    RecoveryOrder,
)
from pexschedd.scheduling.run_requests import DEFAULT_MESSAGE, MESSAGE_LIMIT
from pexschedd.tools.version import version_text

FORMAT = "YYYY-MM-DDTHH:MM:SS"


class ToolArguments(msgspec.Struct, frozen=True):
    """A parsed command line."""

    config: Path
    order: MailboxOrder


def recovery(
    arguments: Sequence[str], name: str = "schedulingrecovery"
) -> ToolArguments:
    """Parse the command line of `schedulingrecovery`."""
    parser = _parser(
        name,
        "Restores the rooms of accepted meetings in the equipment mailboxes' calendars "
        "that have none. A meeting whose alias is no longer known gets a new one, and "
        "its invitation is sent again with new joining instructions.",
    )
    parser.add_argument(
        "--time-limit",
        type=_time,
        metavar=FORMAT,
        help="recover meetings that start after this time, in UTC (default: now)",
    )
    parser.add_argument(
        "--update-message",
        type=_message,
        default=DEFAULT_MESSAGE,
        metavar="HTML",
        help="the text above the new joining instructions (default: "
        f'"{DEFAULT_MESSAGE}")',
    )
    given = parser.parse_args(arguments)
    return ToolArguments(
        given.config,
        RecoveryOrder(
            exchange_connector_id=given.exchange_connector_id,
            time_limit=given.time_limit,
            update_message=given.update_message,
            dry_run=given.dry_run,
        ),
    )


def maintenance(
    arguments: Sequence[str], name: str = "schedulingmaintenance"
) -> ToolArguments:
    """Parse the command line of `schedulingmaintenance`."""
    parser = _parser(
        name,
        "Deletes old items from the equipment mailboxes. Meetings that have not ended "
        "and requests that have not been answered are always kept.",
    )
    parser.add_argument(
        "--inbox-time-limit",
        type=_time,
        metavar=FORMAT,
        help="delete inbox items received before this time, in UTC; one in the future "
        "counts as now (default: now)",
    )
    parser.add_argument(
        "--calendar-time-limit",
        type=_time,
        metavar=FORMAT,
        help="delete meetings that had ended by this time, in UTC; a series ends with "
        "its last occurrence; one in the future counts as now (default: now)",
    )
    given = parser.parse_args(arguments)
    return ToolArguments(
        given.config,
        MaintenanceOrder(
            exchange_connector_id=given.exchange_connector_id,
            inbox_time_limit=given.inbox_time_limit,
            calendar_time_limit=given.calendar_time_limit,
            dry_run=given.dry_run,
        ),
    )


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = tool_parser(
        name, description, "0 if everything was done, 1 if something failed"
    )
    add_config(parser)
    add_integration(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="change nothing, only show what would be done",
    )
    return parser


def tool_parser(name: str, description: str, statuses: str) -> argparse.ArgumentParser:
    """Make the parser of a tool; `statuses` are the meanings of 0 and 1."""
    parser = argparse.ArgumentParser(
        prog=name,
        description=description,
        epilog=f"Exit status: {statuses}, 2 if the command line is wrong, 78 if the "
        "configuration file is, 77 if a file may not be read or written, 69 if the "
        "state folder cannot be worked on. All of them: docs/operations.md.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version_text())
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option `--config`, which all tools have."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(DEFAULT_PATH),
        metavar="FILE",
        help="the daemon's configuration file (default: %(default)s)",
    )


def add_integration(parser: argparse.ArgumentParser) -> None:
    """Add the option that limits a tool to one integration."""
    parser.add_argument(
        "--exchange-connector-id",
        type=_integration_id,
        metavar="ID",
        help="only this integration (default: all of them)",
    )


def _time(text: str) -> datetime:
    problem = argparse.ArgumentTypeError(
        f'"{text}" is not a time in UTC of the form {FORMAT}, such as '
        "2017-05-01T12:00:00"
    )
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text, re.ASCII):
        raise problem
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise problem from None


def _integration_id(text: str) -> int | None:
    """Parse an integration's ID; None, for all of them, if it is left blank."""
    if not text:
        return None  # "leave this blank" in the deployment guide
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise argparse.ArgumentTypeError(
            f'"{text}" is not the ID of an integration, which is a number from 1 on'
        )
    return int(text)


def migrated_id(text: str) -> int:
    """Parse the ID of the integration that is meant, which cannot be left blank."""
    found = _integration_id(text)
    if found is None:
        raise argparse.ArgumentTypeError("the ID of an integration is missing")
    return found


def _message(text: str) -> str:
    if len(text) > MESSAGE_LIMIT:
        raise argparse.ArgumentTypeError(
            f"the message has {len(text)} characters; at most {MESSAGE_LIMIT} are "
            "allowed"
        )
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise argparse.ArgumentTypeError("the message is not UTF-8")
    return text
