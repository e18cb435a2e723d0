"""Requests to Microsoft Graph. Pure."""

from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec

CALENDARS = "Calendars.ReadWrite"
MAIL_SEND = "Mail.Send"
"""Roles that some requests need beside the one that opens the mailbox."""


class ApiRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request to Graph, sent by itself or as a part of a batch."""

    name: str
    """The stable name of the operation, for the log and for metrics, such as
    `messages/delta`: it has no id."""
    method: str
    path: str
    """Relative to the root of the API's version, percent-encoded, with its query: made
    by `user_path`."""
    body: Any = None
    """A JSON value, or text that `content_type` describes."""
    content_type: str = "application/json"
    prefer: tuple[str, ...] = ()
    """Preferences (RFC 7240) beside the one for immutable ids."""
    immutable_ids: bool = True
    """False if the answer is to have the ids that change when a message is moved."""
    if_match: str = ""
    """The entity tag that the thing must still have."""
    role: str = ""
    """The role of Exchange Online that it needs, if another than the target's."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that this request has beside those that all have."""
        kind = ('IdType="ImmutableId"',) if self.immutable_ids else ()
        headers = {}
        if preferences := (*kind, *self.prefer):
            headers["Prefer"] = ", ".join(preferences)
        if self.body is not None:
            headers["Content-Type"] = self.content_type
        if self.if_match:
            headers["If-Match"] = self.if_match
        return headers


def user_path(address: str, *parts: str, **query: str | int) -> str:
    """Return the path to something of a mailbox, with its query.

    Every part is quoted. The options of the query are named without their `$`, those
    that have none, such as `startDateTime`, by their whole name.
    """
    path = "/".join(_quoted(part) for part in ("users", address, *parts))
    if not query:
        return path
    options = "&".join(
        f"{_option(name)}={_quoted(str(value))}" for name, value in query.items()
    )
    return f"{path}?{options}"


@lru_cache(500)
def _quoted(text: str) -> str:
    """Quote all of a text; most are those of the request before, some are long."""
    return quote(text, safe="")


_SYSTEM_OPTIONS = frozenset(("select", "expand", "filter", "top", "orderby", "count"))


def _option(name: str) -> str:
    return f"%24{name}" if name in _SYSTEM_OPTIONS else name
