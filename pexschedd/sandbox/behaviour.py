"""Misbehaviour on demand: how slow the sandbox is, and what goes wrong when."""

import re
from collections.abc import Sequence

import msgspec

from pexschedd.sandbox.errors import EwsError, RequestFault
from pexschedd.sandbox.installation import SignIn
from pexschedd.sandbox.streaming import ACTIONS

TRANSPORT = ("reset", "hang", "garbage", "truncate", "login-page")
STREAMS = tuple(f"stream-{action}" for action in ACTIONS)
_CODE = re.compile(r"Error[A-Za-z0-9]+")
_STATUS = re.compile(r"http-([2-5]\d\d)")


class BehaviourError(ValueError):
    """The wanted behaviour makes no sense; the message says why."""


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One thing to go wrong, `times` times."""

    kind: str
    """A response code, `http-<status>`, or one of `TRANSPORT` or `STREAMS`."""
    operation: str = "*"
    times: int | None = 1
    """None: until something else is configured."""
    mailbox: str | None = None
    """Only when acting as this address."""
    item: bool = False
    """A response code: for items of the request instead of the whole."""
    index: int | None = None
    """Which item; None: all of them."""
    after: bool = False
    """What was asked for is done first: only the answer goes wrong."""
    back_off_ms: int | None = None
    retry_after_s: int | None = None
    message: str = ""
    inner: str | None = None
    """A code that ErrorInternalServerError carries within."""
    code: str | None = None
    """`stream-error`: which."""
    after_s: float = 0
    """`stream-…`: so long after the stream was opened."""

    @property
    def done_first(self) -> bool:
        """Cutting an answer short takes an answer."""
        return self.after or self.kind == "truncate" or self.stream_action is not None

    @property
    def is_code(self) -> bool:
        return bool(_CODE.fullmatch(self.kind))

    @property
    def stream_action(self) -> str | None:
        """What happens to a stream, one of its `ACTIONS`."""
        return self.kind.removeprefix("stream-") if self.kind in STREAMS else None

    @property
    def status(self) -> int | None:
        match = _STATUS.fullmatch(self.kind)
        return int(match[1]) if match else None

    def error(self) -> EwsError:
        values = {}
        if self.back_off_ms is not None:
            values["BackOffMilliseconds"] = str(self.back_off_ms)
        if self.inner is not None:
            values["InnerErrorResponseCode"] = self.inner
            values["InnerErrorMessageText"] = f"{self.inner}."
        kind = EwsError if self.item else RequestFault
        return kind(self.kind, self.message, values)

    def check(self) -> None:
        kinds = (*TRANSPORT, *STREAMS)
        if not (self.is_code or self.status or self.kind in kinds):
            raise BehaviourError(
                f"kind {self.kind!r}: must be a response code (Error…), http-<status> "
                f"or one of {', '.join(kinds)}"
            )
        if self.item and not self.is_code:
            raise BehaviourError(f"kind {self.kind!r}: only a response code has items")
        for name in ("times", "back_off_ms", "retry_after_s", "index", "after_s"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise BehaviourError(f"{name}: must not be negative")


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What a client of `PUT /sandbox/behaviour` sends."""

    latency_ms: float = 0
    faults: list[Fault] = []
    sign_in: SignIn | None = None
    """None: the installation's own."""


class Behaviour:
    """What is configured now, and what of it is left."""

    def __init__(self, sign_in: SignIn | None = None) -> None:
        self._own_sign_in = sign_in or SignIn()
        self.sign_in = self._own_sign_in
        self.latency = 0.0
        """Seconds before each answer."""
        self._faults: list[Fault] = []

    def configure(self, wanted: object) -> None:
        """Replaces everything. Takes the JSON document as plain Python values.

        Raises `BehaviourError`.
        """
        try:
            parsed = msgspec.convert(wanted, Wanted)
        except msgspec.ValidationError as error:
            raise BehaviourError(str(error)) from None
        if not 0 <= parsed.latency_ms <= 600_000:
            raise BehaviourError("latency_ms: must be between 0 and 600000")
        for fault in parsed.faults:
            fault.check()
        self.latency = parsed.latency_ms / 1000
        self._faults = parsed.faults
        self.sign_in = parsed.sign_in or self._own_sign_in

    def describe(self) -> Wanted:
        """What is left of it."""
        return Wanted(self.latency * 1000, self._faults, self.sign_in)

    def take(self, operation: str, mailbox: str) -> "Plan":
        """What goes wrong with this call: counts down what it uses up."""
        whole: Fault | None = None
        items: list[Fault] = []
        for fault in self._faults:
            if fault.stream_action and operation != "GetStreamingEvents":
                continue
            if fault.operation not in ("*", operation) or fault.times == 0:
                continue
            if fault.mailbox is not None and (
                fault.mailbox.casefold() != mailbox.casefold()
            ):
                continue
            if fault.item:
                items.append(fault)
            elif whole is None:
                whole = fault
            else:
                continue
            if fault.times is not None:
                fault.times -= 1
        self._faults = [fault for fault in self._faults if fault.times != 0]
        return Plan(whole, items)


class Plan:
    """What goes wrong with one call."""

    def __init__(self, whole: Fault | None, items: Sequence[Fault]) -> None:
        self.whole = whole
        self._items = items

    def for_item(self, index: int) -> Fault | None:
        for fault in self._items:
            if fault.index in (None, index):
                return fault
        return None
