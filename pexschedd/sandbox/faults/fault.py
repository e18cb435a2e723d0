"""One fault on demand: its kind, the calls that it fits, and how often it happens."""

import re
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from pexschedd.sandbox.errors import EwsError, RequestFault
from pexschedd.sandbox.notifications.streaming import ACTIONS

TRANSPORT = (
    *("reset", "hang", "garbage", "truncate", "login-page", "slow", "huge"),
    *("redirect", "no-content-type", "wrong-content", "close", "cut-headers"),
    *("forbidden-characters", "item-missing", "item-extra"),
)
_WITH_ANSWER = (
    *("truncate", "slow", "no-content-type"),
    *("forbidden-characters", "item-missing", "item-extra"),
)
GRAPH_PAGES = ("empty-page", "duplicates")
"""Faults of pages of Graph's delta queries: empty, or all entries twice."""
STREAMS = tuple(f"stream-{action}" for action in ACTIONS)
_CODE = re.compile(r"Error[A-Za-z0-9]+")
_GRAPH_CODE = re.compile(r"graph-([A-Za-z_-]+)")
_STATUS = re.compile(r"http-([2-5]\d\d)")


class BehaviourError(ValueError):
    """A wanted behaviour that makes no sense; the message says why."""


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """A fault that happens `times` times."""

    kind: str
    """A response code, `http-<status>`, `graph-<code>`, or one of `TRANSPORT`,
    `STREAMS` or `GRAPH_PAGES`."""
    operation: str = "*"
    times: int | UnsetType | None = UNSET
    """None: until something else is configured. By default once, or with `for_s` as
    often as it can in that time."""
    for_s: float | None = None
    """Seconds for which the fault is in force, from when it is configured."""
    mailbox: str | None = None
    """The fault applies only to requests that act as this address."""
    item: bool = False
    """A response code applies to items of the request, not to the whole."""
    index: int | None = None
    """The item, counted from 0; None: all of them."""
    after: bool = False
    """The operation is carried out, and only its answer goes wrong."""
    back_off_ms: int | None = None
    retry_after_s: int | None = None
    retry_after_date_s: int | None = None
    """Seconds from the server's own time: `Retry-After` is the date then."""
    no_date: bool = False
    """An `http-<status>` has no Date header."""
    message: str = ""
    inner: str | None = None
    """A code that ErrorInternalServerError carries in MessageXml."""
    code: str | None = None
    """The response code of `stream-error`."""
    after_s: float = 0
    """Seconds from the opening of the stream to a `stream-…` fault."""
    bytes_per_s: float = 1
    """The pace of `slow`."""
    bytes: int = 100_000_000
    """The size of `huge`."""
    gzip: bool = False
    """`huge` is compressed, so that little is sent."""
    location: str = "/ews/genericerrorpage.htm"
    """The target of `redirect` and `http-3xx`."""

    @property
    def done_first(self) -> bool:
        """The operation is carried out, and only its answer goes wrong: a wish, or
        because an answer is needed to spoil it."""
        spoiled = self.kind in _WITH_ANSWER or self.stream_action is not None
        return self.after or spoiled or self.is_graph_page

    @property
    def is_code(self) -> bool:
        """The kind is a response code of EWS."""
        return bool(_CODE.fullmatch(self.kind))

    @property
    def graph_code(self) -> str | None:
        """The code of the error with which Graph answers, if the fault is one."""
        match = _GRAPH_CODE.fullmatch(self.kind)
        return match[1] if match else self.kind if self.is_code else None

    @property
    def is_graph_page(self) -> bool:
        """The fault is one of pages of delta queries."""
        return self.kind in GRAPH_PAGES

    @property
    def stream_action(self) -> str | None:
        """The action of `EventStream.misbehave`, if the fault is one of streams."""
        return self.kind.removeprefix("stream-") if self.kind in STREAMS else None

    @property
    def status(self) -> int | None:
        """The HTTP status, if the fault is one."""
        match = _STATUS.fullmatch(self.kind)
        return int(match[1]) if match else None

    def fits(self, operation: str, mailbox: str) -> bool:
        """Return whether the fault applies to a call of this operation for this
        mailbox."""
        if self.stream_action and operation != "GetStreamingEvents":
            return False
        if self.is_graph_page and not operation.startswith("GraphDelta"):
            return False
        if operation.startswith("Graph"):
            if self.item:
                return False
        elif _GRAPH_CODE.fullmatch(self.kind):
            return False
        if self.operation not in ("*", operation):
            return False
        return self.mailbox is None or self.mailbox.casefold() == mailbox.casefold()

    def error(self) -> EwsError:
        """Return the error that answers the call; for response codes only."""
        values = {}
        if self.back_off_ms is not None:
            values["BackOffMilliseconds"] = str(self.back_off_ms)
        if self.inner is not None:
            values["InnerErrorResponseCode"] = self.inner
            values["InnerErrorMessageText"] = f"{self.inner}."
        kind = EwsError if self.item else RequestFault
        return kind(self.kind, self.message, values)

    def check(self) -> None:
        """Raise `BehaviourError` unless the fault makes sense."""
        kinds = (*TRANSPORT, *STREAMS, *GRAPH_PAGES)
        if not (self.graph_code or self.status or self.kind in kinds):
            raise BehaviourError(
                f"kind {self.kind!r}: must be a response code (Error…), http-<status>, "
                f"graph-<code> or one of {', '.join(kinds)}"
            )
        if self.item and not self.is_code:
            raise BehaviourError(f"kind {self.kind!r}: only a response code has items")
        if not 0 < self.bytes_per_s <= 10**9:
            raise BehaviourError("bytes_per_s: must be more than 0, at most 10^9")
        if "\r" in self.location or "\n" in self.location:
            raise BehaviourError("location: must be one line")
        for name in (
            "times",
            "for_s",
            "bytes",
            "back_off_ms",
            "retry_after_s",
            "retry_after_date_s",
            "index",
            "after_s",
        ):
            value: Any = getattr(self, name)
            if value not in (None, UNSET) and value < 0:
                raise BehaviourError(f"{name}: must not be negative")
