"""The last lines of a log file, from a time on. Pure but for reading."""

import re
from datetime import UTC, datetime, timedelta
from errno import EINVAL
from pathlib import Path

RECENT = timedelta(hours=1)
MOST = 8 << 20
"""Bytes of the file that are looked at: its end."""

DEBUG_OUTPUT = "template wrote debug output"
"""The event of a template's own output, which may have anything in it."""

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
)


def read_end(path: Path) -> str:
    """Return the end of a file, from the beginning of a line on. Raises `OSError`."""
    if path.exists() and not path.is_file():  # a pipe might never end
        raise OSError(EINVAL, "Not a regular file", str(path))
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MOST))
            data = file.read(MOST)
    except OSError as error:
        error.filename = str(path)  # errors of reading have no name
        raise
    if size > MOST:
        data = data.partition(b"\n")[2]
    return data.decode("utf-8", "backslashreplace")


def recent_lines(text: str, now: datetime) -> str:
    """Return the lines of the last hour, without templates' debug output.

    A line without a time, such as one of a traceback, belongs to the one before it;
    those before any time are kept. Where lines have no times, nobody knows where debug
    output ends, so nothing behind it is kept.
    """
    since, kept, is_kept = now - RECENT, [], True
    for line in text.splitlines(keepends=True):
        time = _time_of(line)
        if DEBUG_OUTPUT in line:
            is_kept = False
        elif time is not None:
            is_kept = time >= since
        if is_kept:
            kept.append(line)
    return "".join(kept)


def _time_of(line: str) -> datetime | None:
    found = _TIME.search(line[:60])
    if found is None:
        return None
    try:
        time = datetime.fromisoformat(found[0].replace(",", "."))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
