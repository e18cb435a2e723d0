"""Refusals of requests, as Graph words them. Pure."""

from typing import Any

import msgspec

MAX_TEXT = 500
"""Characters of a server's text that are kept."""
MAX_BODY = 64 * 1024
"""Bytes of a refusal that are looked into, at once and by the reactor itself. Graph's
have a few hundred; a longer one tells nothing but its status."""


class GraphProblem(msgspec.Struct, frozen=True):
    """A status that is no success, with the reason."""

    status: int
    """The HTTP status; 0 for a part of a batch that has no result."""
    code: str = ""
    message: str = ""
    retry_after: float | None = None
    """Seconds, if the server has named any."""
    role: str = ""
    """The `role` of the request."""

    @property
    def words(self) -> str:
        """The server's text and its code, for the log and for administrators."""
        code = self.code or f"HTTP {self.status}"
        return f"{self.message} ({code})" if self.message else code


NO_RESULT = "NoResult"
"""Our own code for a part of a batch that the server's answer leaves out."""
UNREADABLE = "UnreadableResult"
"""Our own code for a result that is not what was asked for."""


def problem_of(
    status: int, body: bytes | msgspec.Raw, retry_after: float | None = None
) -> GraphProblem:
    """Return the problem that an answer reports; its body may be anything.

    The innermost code is the most telling one.
    """
    code, message = "", ""
    try:
        found: Any = msgspec.json.decode(body) if 0 < len(body) <= MAX_BODY else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    error = found.get("error") if isinstance(found, dict) else None
    for _ in range(5):
        if not isinstance(error, dict):
            break
        code = text_of(error.get("code")) or code
        message = message or text_of(error.get("message"))
        error = error.get("innerError", error.get("innererror"))
    return GraphProblem(status, code, message, retry_after)


def text_of(value: object) -> str:
    """Return a server's text in one bounded line; empty for anything else."""
    if not isinstance(value, str):
        return ""
    line = " ".join(value[: 4 * MAX_TEXT].split())[:MAX_TEXT]
    # Nothing that moves a terminal's cursor, or turns the direction of writing.
    return "".join(each if each.isprintable() else "?" for each in line)
