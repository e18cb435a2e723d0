"""Log lines: JSON for machines and for the journal, text for people. Never a subject, a
body, a token.

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
from twisted.python.failure import Failure
from zope.interface import implementer

from pexschedd.clock import Now

TRACEBACK_LIMIT = 20_000
"""Characters of a traceback that are kept: the first and the last ones."""

MESSAGE_LIMIT = 16_000
"""Characters of a message, which may quote what came from the network."""

VALUE_LIMIT = 8_000
"""Characters of one value in a message."""

KEY_LIMIT = 200
"""Characters of the value of any other key."""

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


@implementer(ILogObserver)
class LevelObserver:
    """The observer for a level and a format of the configuration file."""

    def __init__(self, out: LineWriter, level: str, form: str) -> None:
        self._target = TextObserver(out) if form == "text" else JsonObserver(out)
        self.use_level(level)

    def use_level(self, level: str) -> None:
        """Write events of this level and above from now on."""
        quiet = LogLevelFilterPredicate(LogLevel.levelWithName(level))
        if level == "info":
            # Twisted's own messages are of use for debugging only.
            for namespace in ("twisted", "log_legacy"):
                quiet.setLogLevelForNamespace(namespace, LogLevel.warn)
        self._filtered = FilteringLogObserver(self._target, [quiet])

    def __call__(self, event: LogEvent) -> None:
        self._filtered(event)


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
            "User": _value(event.get("user", SERVICE)),
            "system": _value(namespace),
            "message": _bounded(formatEvent(_with_bounded_values(event))),
        }
        for key in _KEYS:
            if key in event:
                line[key] = _value(event[key])
        failure = event.get("log_failure")
        if failure is not None:
            line["traceback"] = _traceback(failure)
        self._out.write(msgspec.json.encode(line).decode() + "\n")
        self._out.flush()


@implementer(ILogObserver)
class TextObserver:
    """One line for people, with the same keys at its end; a failure has more."""

    def __init__(self, out: LineWriter) -> None:
        self._out = out

    def __call__(self, event: LogEvent) -> None:
        event = _with_bounded_values(event)
        text = eventAsText(event, includeTraceback=False).rstrip()
        text = _bounded(text)
        # One event is one line, even if a name from the network has line breaks.
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        keys = [("User", _value(event.get("user", SERVICE)))]
        keys += [(key, _value(event[key])) for key in _KEYS if key in event]
        tail = " ".join(f'{key}="{value}"' for key, value in keys)
        self._out.write(f"{text} {tail}\n")
        failure = event.get("log_failure")
        if failure is not None:
            self._out.write(_traceback(failure))
        self._out.flush()


def _bounded(text: str, limit: int = MESSAGE_LIMIT) -> str:
    more = len(text) - limit
    if more > 0:
        text = f"{text[:limit]} ({more} more characters)"
    # A lone surrogate, from a name on the disk or in JSON, cannot be written.
    return text.encode("utf-8", "backslashreplace").decode()


def _value(value: object) -> object:
    """The value of a key as a line has it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return _bounded(str(value), KEY_LIMIT)


def _with_bounded_values(event: LogEvent) -> LogEvent:
    """The event without its longest texts: they are not even formatted."""
    long = {
        key: _bounded(value, VALUE_LIMIT)
        for key, value in event.items()
        if isinstance(value, str) and len(value) > VALUE_LIMIT
    }
    return {**event, **long} if long else event


def _traceback(failure: Failure) -> str:
    """The traceback; the middle of a long one is left out, with a mark."""
    text = failure.getTraceback()
    more = len(text) - TRACEBACK_LIMIT
    if more > 0:
        half = TRACEBACK_LIMIT // 2
        text = f"{text[:half]}\n({more} more characters)\n{text[-half:]}"
    return text.encode("utf-8", "backslashreplace").decode()


def dropped(form: str, now: Now) -> Callable[[int, int], str]:
    """Return how to word a line about log lines that could not be written."""

    def notice(access: int, others: int) -> str:
        text = f"log dropped lines access={access} others={others}: its reader is slow"
        if form == "text":
            return f"{text}\n"
        time = now().isoformat(timespec="milliseconds")
        line = {"time": time, "level": "warn", "log": "support", "message": text}
        return msgspec.json.encode(line).decode() + "\n"

    return notice


def _which(namespace: str) -> str:
    administrator = namespace.split(".", 1)[0] == ADMINISTRATOR
    return "administrator" if administrator else "support"
