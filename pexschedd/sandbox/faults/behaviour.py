"""Misbehaviour on demand: latency, faults, throttling, and a wrong clock."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET

from pexschedd.sandbox.faults.fault import BehaviourError, Fault
from pexschedd.sandbox.faults.random_faults import RandomFaults, RandomFaultSource
from pexschedd.sandbox.faults.throttling import Throttling
from pexschedd.sandbox.signin.settings import SignIn


class BehaviourSettings(msgspec.Struct, forbid_unknown_fields=True):
    """The document that a client of `PUT /sandbox/behaviour` sends."""

    latency_ms: float = 0
    faults: list[Fault] = []
    sign_in: SignIn | None = None
    """None: the installation's own settings."""
    random: RandomFaults | None = None
    throttling: Throttling = Throttling()
    clock_skew_s: float = 0
    """Seconds by which the server's clock is ahead, as its Date header shows."""


class Behaviour:
    """The misbehaviour that is configured, and what is left of it. `seconds` is the
    clock by which faults expire."""

    def __init__(
        self, sign_in: SignIn | None = None, seconds: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._seconds = seconds
        self._random: RandomFaultSource | None = None
        self.throttling = Throttling()
        self.clock_skew = 0.0
        """Seconds."""
        self._own_sign_in = sign_in or SignIn()
        self.sign_in = self._own_sign_in
        self.latency = 0.0
        """Seconds before each answer."""
        self._faults: list[Fault] = []
        self._until: dict[int, float] = {}

    def configure(self, wanted: object) -> None:
        """Replace everything by a JSON document, given as plain Python values.

        Raises `BehaviourError`.
        """
        try:
            parsed = msgspec.convert(wanted, BehaviourSettings)
        except msgspec.ValidationError as error:
            raise BehaviourError(str(error)) from None
        if not 0 <= parsed.latency_ms <= 600_000:
            raise BehaviourError("latency_ms: must be between 0 and 600000")
        for fault in parsed.faults:
            fault.check()
        for fault in parsed.random.faults if parsed.random is not None else ():
            fault.check()
        if parsed.random is not None and not 0 <= parsed.random.rate <= 1:
            raise BehaviourError("random.rate: must be between 0 and 1")
        if abs(parsed.clock_skew_s) > 10**9:
            raise BehaviourError("clock_skew_s: must be within thirty years")
        now = self._seconds()
        for fault in parsed.faults:
            if fault.times is UNSET:
                fault.times = 1 if fault.for_s is None else None
        self._until = {
            id(f): now + f.for_s for f in parsed.faults if f.for_s is not None
        }
        self._random = None
        if parsed.random is not None:
            self._random = RandomFaultSource(parsed.random, self._seconds)
        self.throttling = parsed.throttling
        self.clock_skew = parsed.clock_skew_s
        self.latency = parsed.latency_ms / 1000
        self._faults = parsed.faults
        self.sign_in = parsed.sign_in or self._own_sign_in

    def describe(self) -> BehaviourSettings:
        """Return what is configured and not yet used up."""
        return BehaviourSettings(
            self.latency * 1000,
            self._faults,
            self.sign_in,
            self._random.settings if self._random is not None else None,
            self.throttling,
            self.clock_skew,
        )

    def take(self, operation: str, mailbox: str) -> "BehaviourPlan":
        """Choose the faults of one call, and count them as used."""
        now = self._seconds()
        self._faults = [
            f for f in self._faults if now < self._until.get(id(f), now + 1)
        ]
        whole: Fault | None = None
        items: list[Fault] = []
        for fault in self._faults:
            if fault.times == 0 or not fault.fits(operation, mailbox):
                continue
            if fault.item:
                items.append(fault)
            elif whole is None:
                whole = fault
            else:
                continue
            if isinstance(fault.times, int):
                fault.times -= 1
        self._faults = [fault for fault in self._faults if fault.times != 0]
        drawn = self._random.draw(operation, mailbox) if self._random else None
        if drawn is not None and drawn.item:
            items.append(drawn)
        elif drawn is not None and whole is None:
            whole = drawn
        return BehaviourPlan(whole, items)


class BehaviourPlan:
    """The faults of one call: one for the request as a whole, and others for its
    items."""

    def __init__(self, whole: Fault | None, items: Sequence[Fault]) -> None:
        self.whole = whole
        self._items = items

    def for_item(self, index: int) -> Fault | None:
        """Return the fault for the n-th item of the request, counted from 0."""
        for fault in self._items:
            if fault.index in (None, index):
                return fault
        return None
