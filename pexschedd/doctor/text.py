"""A report as text for a terminal. Pure."""

import textwrap
from collections import Counter
from collections.abc import Iterator

from pexschedd.doctor.report import CheckStatus, DoctorReport, ReportLine

WIDTH = 100
_WORDS = {
    CheckStatus.PASSED: "ok",
    CheckStatus.FAILED: "FAILED",
    CheckStatus.WARNING: "warning",
    CheckStatus.NOT_CHECKED: "not checked",
}
_LABEL = 9
"""Width of "Remedy:" with room behind it."""


def text(report: DoctorReport) -> str:
    """Return the report as lines of text.

    Commands are never wrapped, so that they can be copied.
    """
    title = max((len(line.title) for line in report.lines), default=0)
    title = min(title, 36)
    lines = [
        f"Integration {report.exchange_connector_id}: {report.name}   ({report.time})"
    ]
    for line in report.lines:
        lines += _line(line, title)
    counts = Counter(line.status for line in report.lines)
    lines += [
        "",
        ", ".join(
            f"{counts[status]} {words.lower()}"
            for status, words in _WORDS.items()
            if counts[status]
        ),
    ]
    return "".join(harmless(line) + "\n" for line in lines)


def _line(line: ReportLine, title: int) -> Iterator[str]:
    word = _WORDS[line.status]
    yield f"  {word:<11}  {line.title:<{title}}  {line.message}"
    indent = " " * 15
    for detail in line.details:
        yield f"{indent}{detail}"
    for label, words in (("Cause:", line.cause), ("Remedy:", line.remedy)):
        if words:
            yield from textwrap.wrap(
                words,
                WIDTH,
                initial_indent=f"{indent}{label:<{_LABEL}}",
                subsequent_indent=indent + " " * _LABEL,
                break_long_words=False,
                break_on_hyphens=False,
            )
    for command in line.commands:
        yield f"{indent}PS>      {command}"


def harmless(text: str) -> str:
    """Replace characters that a terminal would obey by spaces."""
    if text.isprintable():  # as nearly all are
        return text
    return "".join(c if c.isprintable() else " " for c in text)
