"""Log lines: JSON for machines, text for people. Never a subject, a body, a token."""

from datetime import UTC, datetime
from typing import TextIO

import msgspec
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    textFileLogObserver,
)
from zope.interface import implementer

TRACEBACK_LIMIT = 20_000


def observer(out: TextIO, level: str, form: str) -> ILogObserver:
    """What `log.level` and `log.format` of the configuration file ask for."""
    target = JsonObserver(out) if form == "json" else textFileLogObserver(out)
    quiet = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    if level == "info":
        # What Twisted itself does is for whoever debugs.
        for namespace in ("twisted", "log_legacy"):
            quiet.setLogLevelForNamespace(namespace, LogLevel.warn)
    return FilteringLogObserver(target, [quiet])


@implementer(ILogObserver)
class JsonObserver:
    """One JSON object a line: `time` (UTC), `level`, `system`, `message`, and
    `traceback` for failures."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: LogEvent) -> None:
        time = datetime.fromtimestamp(event["log_time"], UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": event["log_level"].name,
            "system": event.get("log_namespace", ""),
            "message": formatEvent(event),
        }
        failure = event.get("log_failure")
        if failure is not None:
            line["traceback"] = failure.getTraceback()[-TRACEBACK_LIMIT:]
        self._out.write(msgspec.json.encode(line).decode() + "\n")
        self._out.flush()
