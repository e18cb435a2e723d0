"""Manual pages of the commands, from what their `--help` says."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import date

_RUN = (
    "import sys; from pkgutil import resolve_name; "
    "target = sys.argv.pop(1); resolve_name(target)()"
)
_OTHER = """\
.SH FILES
.I /etc/pexip/scheduling/scheduling_config.json
.br
.I /var/lib/pexschedd
.SH SEE ALSO
.I /usr/share/doc/pexschedd/docs/operations.md
"""


def manual_page(
    command: str,
    function: str,
    *,
    version: str,
    day: date,
    subcommands: Sequence[str] = (),
) -> str:
    """Return the page, for section 8, of a command whose function is `module:name`.

    What the subcommands say follows what the command itself does.
    """
    usage, text = _help(function)
    summary = " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".")
    parts = [
        f'.TH {command.upper()} 8 "{day}" "pexschedd {version}"\n',
        f".SH NAME\n{_roff(command)} \\- {_roff(summary[0].lower() + summary[1:])}\n",
        f".SH SYNOPSIS\n{_verbatim(usage)}.SH DESCRIPTION\n{_verbatim(text)}",
    ]
    for name in subcommands:
        usage, text = _help(function, name)
        parts.append(f".SH {name.upper()}\n{_verbatim(usage)}.PP\n{_verbatim(text)}")
    return "".join(parts) + _OTHER


def _help(function: str, *subcommand: str) -> tuple[str, str]:
    """Return the usage, and all after it."""
    module, _, name = function.partition(":")
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _RUN, f"{module}:{name}", *subcommand, "--help"],
        env={**os.environ, "COLUMNS": "78"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    usage, _, text = done.stdout.partition("\n\n")
    return usage.removeprefix("usage: "), text.rstrip("\n")


def _verbatim(text: str) -> str:
    return f".nf\n{_roff(text)}\n.fi\n"


def _roff(text: str) -> str:
    """Return the text as roff takes it: no character of it is a command."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", escaped, flags=re.MULTILINE)
