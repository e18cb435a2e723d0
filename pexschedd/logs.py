"""Log lines: JSON for machines, text for people. Never a subject, a body, a token.

There are two logs in one stream, told apart by the key `log`: the administrator log
records changes, with the administrator who made them, and the outcome of each message;
the support log has everything else. A part of the program writes to the first through
a logger whose namespace begins with `administrator`.

Beside the message, a line has these keys: `User`, the administrator or, for all other
actions, the deployment guide's internal user `schedulingservice`; `correlation_id`, in
every line that concerns a message or a request; `integration`, by its id.
"""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    formatEvent,
)
from zope.interface import implementer

from pexschedd.clock import Now

TRACEBACK_LIMIT = 20_000
MESSAGE_LIMIT = 16_000
"""Characters: a message may quote what came from the network."""
"""Characters of a traceback that are kept: the last ones."""

SERVICE = "schedulingservice"
"""The user of actions that no administrator asked for."""

ADMINISTRATOR = "administrator"
"""The first part of the namespaces of the administrator log."""

acting: ContextVar[str] = ContextVar("acting", default=SERVICE)
"""The administrator whose request is being carried out. Read it in the request's own
code only: work that the request starts in the background belongs to the service."""

_KEYS = ("correlation_id", "integration")


class LineWriter(Protocol):
    """A destination of log lines."""

    def write(self, text: str) -> object:
        """Take a line with its newline."""

    def flush(self) -> object:
        """Hand on what was buffered."""


def observer(out: LineWriter, level: str, form: str) -> ILogObserver:
    """Return the observer for a level and a format of the configuration file."""
    target = JsonObserver(out) if form == "json" else TextObserver(out)
    quiet = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    if level == "info":
        # Twisted's own messages are of use for debugging only.
        for namespace in ("twisted", "log_legacy"):
            quiet.setLogLevelForNamespace(namespace, LogLevel.warn)
    return FilteringLogObserver(target, [quiet])


@implementer(ILogObserver)
class JsonObserver:
    """One JSON object a line: `time` (UTC), `level`, `log`, `User`, `system`,
    `message`, the keys of the module's docstring, and `traceback` for failures."""

    def __init__(self, out: LineWriter) -> None:
        self._out = out

    def __call__(self, event: LogEvent) -> None:
        time = datetime.fromtimestamp(event["log_time"], UTC)
        namespace = event.get("log_namespace", "")
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": event["log_level"].name,
            "log": _which(namespace),
            "User": event.get("user", SERVICE),
            "system": namespace,
            "message": _bounded(formatEvent(event)),
        }
        for key in _KEYS:
            if key in event:
                line[key] = event[key]
        failure = event.get("log_failure")
        if failure is not None:
            line["traceback"] = failure.getTraceback()[-TRACEBACK_LIMIT:]
        self._out.write(msgspec.json.encode(line).decode() + "\n")
        self._out.flush()


@implementer(ILogObserver)
class TextObserver:
    """One line for people, with the same keys at its end; a failure has more."""

    def __init__(self, out: LineWriter) -> None:
        self._out = out

    def __call__(self, event: LogEvent) -> None:
        text = eventAsText(event, includeTraceback=False).rstrip()
        text = _bounded(text)
        # One event is one line, even if a name from the network has line breaks.
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        keys = [("User", event.get("user", SERVICE))]
        keys += [(key, event[key]) for key in _KEYS if key in event]
        tail = " ".join(f'{key}="{value}"' for key, value in keys)
        self._out.write(f"{text} {tail}\n")
        failure = event.get("log_failure")
        if failure is not None:
            self._out.write(failure.getTraceback()[-TRACEBACK_LIMIT:])
        self._out.flush()


def _bounded(text: str) -> str:
    more = len(text) - MESSAGE_LIMIT
    return text if more <= 0 else f"{text[:MESSAGE_LIMIT]} ({more} more characters)"


def dropped(form: str, now: Now) -> Callable[[int, int], str]:
    """Return how to word a line about log lines that could not be written."""

    def notice(access: int, others: int) -> str:
        text = f"log dropped lines access={access} others={others}: its reader is slow"
        if form != "json":
            return f"{text}\n"
        time = now().isoformat(timespec="milliseconds")
        line = {"time": time, "level": "warn", "log": "support", "message": text}
        return msgspec.json.encode(line).decode() + "\n"

    return notice


def _which(namespace: str) -> str:
    administrator = namespace.split(".", 1)[0] == ADMINISTRATOR
    return "administrator" if administrator else "support"
