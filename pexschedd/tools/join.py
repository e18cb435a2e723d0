"""`pexschedd-join test`: reports what a room's screen would show for an invitation.

Nothing is asked of the daemon or of Exchange, and nothing is sent anywhere.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

import msgspec

from pexschedd.clock import system_now
from pexschedd.doctor.text import harmless
from pexschedd.errors import InvalidFields
from pexschedd.onetouch.invitation.files import MOST_BYTES, FileKind, read_file
from pexschedd.onetouch.rules.evaluation import RuleSet
from pexschedd.onetouch.rules.rule import STANDARD_RULES, MeetingRule, read_rules
from pexschedd.onetouch.rules.rule_sets import rule_templates, services_with
from pexschedd.onetouch.tester import JoinReport, report_on
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.program import written_out
from pexschedd.tools.version import version_text


class JoinArguments(msgspec.Struct, frozen=True):
    """A parsed command line."""

    file: Path | None
    """None: standard input."""
    kind: FileKind | None
    rules: Path | None
    catalogue: Path | None
    subject: str
    location: str
    as_json: bool


def main(name: str = "pexschedd-join") -> None:
    """Run `pexschedd-join`, typed as `name`."""

    def report() -> int:
        asked = arguments(sys.argv[1:], name)
        return run(asked, sys.stdin.buffer, sys.stdout, sys.stderr)

    sys.exit(written_out(report))


def arguments(given: Sequence[str], name: str = "pexschedd-join") -> JoinArguments:
    """Parse a command line; a wrong one ends the process with status 2."""
    parser = argparse.ArgumentParser(
        prog=name,
        description="Tests One-Touch Join's rules with an invitation.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version_text())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    test = commands.add_parser(
        "test",
        help="report what a room's screen would show for an invitation",
        description="Reports which rule finds the meeting in an invitation, what a "
        "room would dial, and why the other rules find nothing.",
        epilog="Exit status: 0 if there is something to dial, 1 if there is not, 2 if "
        "the command line or a file is wrong.",
        allow_abbrev=False,
    )
    test.add_argument(
        "file",
        metavar="FILE",
        help="the invitation: a mail (.eml), a calendar file (.ics), HTML or text; "
        "- for standard input",
    )
    test.add_argument(
        "--kind",
        type=FileKind,
        choices=list(FileKind),
        help="the kind of file (default: by its content)",
    )
    test.add_argument(
        "--rules",
        type=Path,
        metavar="FILE",
        help="an installation's rules: a JSON list of objects with the fields of "
        "mjx_meeting_processing_rule (default: all services that need no domain)",
    )
    test.add_argument(
        "--catalogue",
        type=Path,
        metavar="FILE",
        help="an installation's own services, in TOML, besides those of the product",
    )
    test.add_argument("--subject", default="", help="of an invitation that has none")
    test.add_argument("--location", default="", help="of an invitation that has none")
    test.add_argument("--json", action="store_true", help="print the report as JSON")
    found = parser.parse_args(given)
    return JoinArguments(
        None if found.file == "-" else Path(found.file),
        found.kind,
        found.rules,
        found.catalogue,
        found.subject,
        found.location,
        found.json,
    )


def run(asked: JoinArguments, stdin: BinaryIO, out: TextIO, err: TextIO) -> int:
    """Write the report; return the exit status."""
    templates = rule_templates(system_now)
    path: Path | None = None
    try:
        path = asked.catalogue
        services = services_with(b"" if path is None else _start_of(path))
        path = asked.rules
        rules: Sequence[MeetingRule] = STANDARD_RULES
        if path is not None:
            rules = read_rules(_start_of(path), templates)
        path = asked.file
        data = stdin.read(MOST_BYTES + 1) if path is None else _start_of(path)
    except InvalidFields as error:
        for field, texts in error.problems.items():
            before = "" if field == "__all__" else f"{field}: "
            err.writelines(harmless(f"{path}: {before}{text}") + "\n" for text in texts)
        return ExitStatus.USAGE
    except OSError as error:
        err.write(harmless(f"{path or 'standard input'}: {error.strerror}") + "\n")
        denied = isinstance(error, PermissionError)
        return ExitStatus.NOT_PERMITTED if denied else ExitStatus.USAGE
    invitation = read_file(data, asked.kind)
    invitation = msgspec.structs.replace(
        invitation,
        subject=invitation.subject or asked.subject,
        location=invitation.location or asked.location,
    )
    report = report_on(invitation, RuleSet(rules, services, templates))
    if asked.as_json:
        encoded = msgspec.json.encode(report)
        out.write(msgspec.json.format(encoded, indent=2).decode() + "\n")
    else:
        out.writelines(f"{harmless(line)}\n" for line in lines_of(report))
    return ExitStatus.FAILED if report.alias is None else ExitStatus.DONE


def _start_of(path: Path) -> bytes:
    """Return more of a file than any may have, or all of it: a device has no end."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def lines_of(report: JoinReport) -> list[str]:
    """Return a report as lines for people."""
    lines = [f"Title:     {report.title}"] if report.title else []
    if report.organizer:
        lines.append(f"Organizer: {report.organizer}")
    if report.start is not None:
        end = "" if report.end is None else f" to {report.end.isoformat(' ')}"
        lines.append(f"Time:      {report.start.isoformat(' ')}{end}")
    if report.is_private:
        lines.append("Private:   yes")
    if report.alias is None:
        lines.append("Join:      no button")
    else:
        lines.append(f"Join:      {report.alias}")
        lines.append(f"Protocol:  {report.protocol}")
        lines.append(f"Platform:  {report.platform}")
        if report.service:
            lines.append(f"Service:   {report.service}")
        if report.pin:
            lines.append(f"PIN:       {report.pin}, to be entered in the call")
        lines.append(f"Rule:      {report.rule}")
    lines.append("Rules, in the order in which they were tried:")
    lines += [f"  {each.rule}: {each.reason}" for each in report.tried]
    if report.links:
        lines.append("Links, as their senders wrote them:")
    for link in report.links:
        lines.append(f"  {link.service or 'no meeting that is known'}: {link.url}")
    lines += [f"Note: {note}" for note in report.notes]
    return lines
