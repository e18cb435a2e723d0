"""The command line of `pexschedd-store`."""

import argparse
from pathlib import Path

from pexschedd.tools.archive_commands import add_commands
from pexschedd.tools.arguments import tool_parser


def store_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of the command line of the command that is typed as `name`."""
    parser = tool_parser(
        name,
        "Verifies and repairs a state folder while the daemon is stopped, "
        "makes backups at any time, and restores them.",
        "0 if all is well, or was repaired, 1 if something is damaged",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--state-dir", type=Path, metavar="DIR", help="the state folder")
    where.add_argument(
        "--config", type=Path, metavar="FILE", help="the daemon's configuration file"
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        dest="given_key_file",
        help="the file with the key, if that is not kept in the state folder (default: "
        "key_file of the configuration file)",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("verify", help="read everything and report all damage")
    commands.add_parser("export", help="print each record as a line of JSON")
    repair = commands.add_parser("repair", help="repair what can be repaired")
    repair.add_argument(
        "--new-key",
        action="store_true",
        help="if secret.key is lost: create a new one; all secrets have to be entered "
        "again",
    )
    repair.add_argument(
        "--give-up",
        action="append",
        default=[],
        metavar="FILE",
        help="a document that cannot be read: replace it by an empty one",
    )
    compact = commands.add_parser(
        "compact", help="remove what is no longer needed from the journal"
    )
    add_commands(commands)
    backup = commands.add_parser(
        "backup", help="make a copy; the daemon may be running"
    )
    backup.add_argument(
        "to",
        nargs="?",
        type=Path,
        metavar="FOLDER",
        help="the copy, a new folder on the daemon's machine (default: backups/<time> "
        "in the state folder)",
    )
    backup.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="make the copy in this folder, under the name of its time, instead of in "
        "backups/",
    )
    backup.add_argument(
        "--keep",
        type=_count,
        metavar="COUNT",
        help="afterwards, remove all copies beside it but the newest COUNT",
    )
    for command in (repair, compact):
        command.add_argument(
            "--dry-run", action="store_true", help="only show what would be done"
        )
    return parser


def _count(text: str) -> int:
    """Parse a number of copies: the one that was just made is always kept."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)
