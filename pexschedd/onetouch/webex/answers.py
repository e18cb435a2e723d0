"""Answers of the cloud's API, and what they mean. Pure.

Errors are told by the HTTP status; the body then has `message` and `errors`, a list of
objects with `description`. What is written there is shown, and decides nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind
from pexschedd.util.retry_after import seconds_of

MAX_ANSWER = 256 * 1024
"""Bytes of an answer; those to our requests have some thousands."""
USUAL_WAIT = 60.0
"""Seconds until Webex is asked again that names no time."""
LONGEST_WAIT = 3600.0

_LONGEST_REASON = 300
_MOST_ERRORS = 3
_ASLEEP = (408, 409, 424, 500, 502, 503, 504)
"""Statuses for a device that the cloud cannot reach, or for a cloud that fails."""
REFUSED = (400, 422)
"""Statuses for a command that the device's software does not take so."""


class CloudAnswer(msgspec.Struct, frozen=True):
    """An answer as it came; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def object_in(answer: CloudAnswer) -> dict[str, Any] | None:
    """Return the JSON object in an answer; None if it has none."""
    try:
        found = msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def problem_of(answer: CloudAnswer, device_id: str) -> EndpointProblem | None:
    """Return the problem that an answer to a request for a device tells; None if it
    was done."""
    status, reason = answer.status, reason_in(answer)
    if 200 <= status < 300:
        if status == 204 or object_in(answer) is not None:
            return None
        text = "Webex does not answer as its API does. Check the webex_api_domain."
        return EndpointProblem(ProblemKind.REFUSED, text)
    if 300 <= status < 400:
        text = (
            f"Webex redirects (HTTP {status}), and no redirection is followed. Check "
            "the webex_api_domain of its profile."
        )
        return EndpointProblem(ProblemKind.REFUSED, text)
    if status == 403:
        text = (
            f"whoever signed in at Webex may not control the device ({reason}). Sign "
            "in with an account that may, and give the integration at Webex the scopes "
            "spark:xapi_commands and spark:xapi_statuses."
        )
        return EndpointProblem(ProblemKind.NOT_ALLOWED, text)
    if status == 404:
        text = (
            f'Webex knows no device "{device_id}" that the account which signed in may '
            f"control ({reason}). Correct its webex_device_id."
        )
        return EndpointProblem(ProblemKind.REFUSED, text)
    if status in _ASLEEP:
        text = f"Webex cannot reach the device now ({reason})."
        return EndpointProblem(ProblemKind.UNREACHABLE, text)
    return EndpointProblem(
        ProblemKind.REFUSED, f"it refuses its meetings, as Webex tells: {reason}."
    )


def reason_in(answer: CloudAnswer) -> str:
    """Return what an answer says is wrong, for people: one line, with the status."""
    found = object_in(answer) or {}
    texts = [found.get("message")]
    errors = found.get("errors")
    if isinstance(errors, list):
        texts += [e.get("description") for e in errors[:_MOST_ERRORS] if _is_object(e)]
    said = dict.fromkeys(shown(text) for text in texts if isinstance(text, str))
    return " ".join([f"HTTP {answer.status}", *filter(None, said)])[:_LONGEST_REASON]


def wait_of(answer: CloudAnswer, now: datetime) -> float:
    """Return the seconds after which Webex wants to be asked again."""
    headers = answer.headers
    seconds = seconds_of(headers.get("retry-after", ""), headers.get("date", ""), now)
    return USUAL_WAIT if seconds is None else min(max(seconds, 1.0), LONGEST_WAIT)


def uptime_in(answer: CloudAnswer) -> int | None:
    """Return the seconds for which a device has been running; None if the answer does
    not tell."""
    found: object = object_in(answer)
    for name in ("result", "SystemUnit", "Uptime"):
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, str) and len(found) <= 10 and found.isdecimal():
        found = int(found)
    is_number = isinstance(found, int) and not isinstance(found, bool)
    return found if is_number and 0 <= found < 10**10 else None  # type: ignore[return-value,operator]


def shown(text: str) -> str:
    """Return text of others for people: one printable line."""
    line = " ".join(text[:2000].split())
    return "".join(c for c in line if c.isprintable())[:_LONGEST_REASON]


def _is_object(value: object) -> bool:
    return isinstance(value, dict)
