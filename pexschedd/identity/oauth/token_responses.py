"""Responses of a token endpoint and their meaning. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxUnreachable,
    SignInRefused,
)
from pexschedd.identity.oauth.remedies import meaning
from pexschedd.util.retry_after import seconds_of

MAX_TOKEN = 16 * 1024
"""Characters. Exchange accepts no longer headers."""

SHORTEST, USUAL, LONGEST = 60.0, 3600.0, 86400.0
"""The lifetime of an access token in seconds: its bounds, and the one that is assumed
if the response has none."""


class TokenSet(msgspec.Struct, frozen=True):
    """The tokens in a response; those that it lacks are empty."""

    access: str
    lifetime: float
    """Seconds from now."""
    refresh: str = ""
    id: str = ""

    def __repr__(self) -> str:
        return "<TokenSet>"


Explain = Callable[[str, str, tuple[str, ...]], MailboxError]
"""Takes the `error` of an error response, its description and its `error_codes`."""


def tokens_in(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    explain: Explain = meaning,
    field: str = "oauth_token_endpoint",
) -> TokenSet:
    """Return the tokens in a response.

    `headers` have names in lower case; `now` is in seconds since 1970; `explain` makes
    the error of an error response, and `field` has the endpoint's address. Raises the
    `MailboxError` of `refusal` if there is no access token.
    """
    answer = object_in(body)
    if status != 200 or "error" in answer:
        raise refusal(status, headers, answer, now=now, explain=explain, field=field)
    access = token_in(answer, "access_token")
    if not access:
        raise MailboxUnreachable(
            f"The OAuth token endpoint gave no access token. Check that {field} is the "
            "token endpoint of the identity provider."
        )
    kind = answer.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.casefold() != "bearer":
        raise SignInRefused(
            "The OAuth token endpoint gave a token of a type that Exchange does not "
            "accept; it must be Bearer."
        )
    return TokenSet(
        access,
        _lifetime(answer, now),
        token_in(answer, "refresh_token"),
        token_in(answer, "id_token"),
    )


def refusal(
    status: int,
    headers: Mapping[str, str],
    answer: Mapping[str, Any],
    *,
    now: float,
    explain: Explain = meaning,
    field: str = "oauth_token_endpoint",
) -> MailboxError:
    """Return the error for a response without tokens; its message has the remedy. The
    parameters are those of `tokens_in`."""
    error = text_in(answer, "error")
    busy = error in ("temporarily_unavailable", "server_error", "slow_down")
    if status == 429 or status >= 500 or busy:
        wait = _retry_after(headers, now)
        if status == 429 or busy or wait is not None:
            text = "The OAuth token endpoint is busy; it is asked again later."
            return MailboxBusy(text, retry_after=wait)
        return MailboxUnreachable(f"The OAuth token endpoint fails (HTTP {status}).")
    if not error:
        if 300 <= status < 400:
            return MailboxUnreachable(
                f"The OAuth token endpoint redirects (HTTP {status}), which is not "
                f"followed. Enter the address that really answers as {field}."
            )
        return MailboxUnreachable(
            f"The OAuth token endpoint does not answer as one (HTTP {status}). Check "
            f"{field}."
        )
    return explain(error, text_in(answer, "error_description"), numbers_in(answer))


def object_in(body: bytes) -> dict[str, Any]:
    """Return the members of a JSON object; none if the body is something else."""
    try:
        answer = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def token_in(answer: Mapping[str, Any], name: str) -> str:
    """Return a token, which has to be visible ASCII (RFC 6749, appendix A); else
    empty."""
    value = answer.get(name, "")
    if not isinstance(value, str) or len(value) > MAX_TOKEN:
        return ""
    return value if value.isascii() and value.isprintable() else ""


def text_in(answer: Mapping[str, Any], name: str) -> str:
    """Return the beginning of a text; empty if there is none."""
    value = answer.get(name, "")
    return value[:2000] if isinstance(value, str) else ""


def number_in(answer: Mapping[str, Any], name: str) -> float | None:
    """Return a number, which may be given as a string; None if there is none that can
    be a time or a duration."""
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e12 else None


def numbers_in(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return Entra ID's `error_codes`."""
    values = answer.get("error_codes")
    if not isinstance(values, list):
        return ()
    return tuple(str(v) for v in values[:10] if type(v) is int)


def _lifetime(answer: Mapping[str, Any], now: float) -> float:
    """The lifetime in seconds; Entra ID v1 and AD FS may give it as a string."""
    seconds = number_in(answer, "expires_in")
    if seconds is None:
        end = number_in(answer, "expires_on")
        seconds = USUAL if end is None else end - now
    return min(max(seconds, SHORTEST), LONGEST)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    seconds = seconds_of(
        headers.get("retry-after", ""),
        headers.get("date", ""),
        datetime.fromtimestamp(now, UTC),
    )
    return None if seconds is None else min(max(seconds, 1.0), 3600.0)
