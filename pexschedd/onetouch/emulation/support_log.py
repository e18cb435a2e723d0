"""Requests that were not answered, as the log may have them. Pure.

What room systems ask for is not documented; a request that is not answered is logged
whole, once an hour for each account and operation, without any credentials. Operations
have the names that clients give them, so that their number is bounded, too.
"""

import re
from collections import OrderedDict
from datetime import datetime, timedelta

LONGEST = 16_384
"""Characters of a request that are logged."""
AGAIN_AFTER = timedelta(hours=1)
MOST_LOGGED = 20
"""Requests of one account that are logged in that time."""
_MOST_ACCOUNTS = 10_000

_SENSITIVE = (
    r"[\w.-]{0,40}(?:password|passwd|secret|token|credential|signature)[\w.-]{0,40}"
)
_ELEMENT = re.compile(
    rf"(<(?:[\w.-]{{1,40}}:)?({_SENSITIVE})(?:\s[^<>]*)?(?<!/)>).*?(?=</[^<>]*\2\s*>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    rf"\b({_SENSITIVE})\s*=\s*(\"[^\"<]*\"|'[^'<]*')", re.IGNORECASE
)
_HEADER = re.compile(
    r"\b((?:basic|bearer|ntlm|negotiate)\s+)[A-Za-z0-9+/=_.~-]{8,}", re.IGNORECASE
)


def without_credentials(body: bytes) -> str:
    """Return a request as text, shortened, with what may be a password, a token or the
    like replaced; it need not be XML."""
    text = body[: 4 * LONGEST].decode("utf-8", "replace")
    text = _ELEMENT.sub(r"\1[removed]", text)
    text = _ATTRIBUTE.sub(r'\1="[removed]"', text)
    text = _HEADER.sub(r"\1[removed]", text)
    return text[:LONGEST]


class LoggedRequests:
    """Remembers what has been logged, so that a client that asks every half minute does
    not fill the log."""

    def __init__(self) -> None:
        self._logged: OrderedDict[int, dict[str, datetime]] = OrderedDict()

    def is_due(self, account: int, what: str, now: datetime) -> bool:
        """Return whether a request is to be logged, and note that it is."""
        logged = {
            each: when
            for each, when in self._logged.pop(account, {}).items()
            if timedelta() <= now - when < AGAIN_AFTER
        }
        self._logged[account] = logged
        if len(self._logged) > _MOST_ACCOUNTS:
            self._logged.popitem(last=False)
        key = what[:100]
        if key in logged or len(logged) >= MOST_LOGGED:
            return False
        logged[key] = now
        return True
