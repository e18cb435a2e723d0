"""Misbehaviour on demand: latency, faults, throttling, and a wrong clock."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec
from msgspec import UNSET

from pexschedd.sandbox.faults.fault import BehaviourError, Fault
from pexschedd.sandbox.faults.random_faults import RandomFaults, RandomFaultSource
from pexschedd.sandbox.faults.refusals import Refusal, faults_of
from pexschedd.sandbox.faults.throttling import Throttling
from pexschedd.sandbox.items.records import Item, same_address
from pexschedd.sandbox.mailboxes.alterations import ALTERATIONS
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.signin.settings import SignIn


class MessageAlteration(msgspec.Struct, forbid_unknown_fields=True):
    """A change of messages on their way."""

    how: str
    """A name of `alterations.ALTERATIONS`."""
    mailbox: str | None = None
    """Only messages to this address."""
    times: int | None = None
    """None: all messages until something else is configured."""

    def check(self) -> None:
        """Raise `BehaviourError` unless the alteration makes sense."""
        if self.how not in ALTERATIONS:
            raise BehaviourError(
                f"altered.how {self.how!r}: must be one of {', '.join(ALTERATIONS)}"
            )
        if self.times is not None and self.times < 0:
            raise BehaviourError("altered.times: must not be negative")


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
    refused: list[Refusal] = []
    late_meetings_s: float = 0
    """Seconds by the server's time after which a search finds a new meeting in its
    organizer's calendar."""
    altered: list[MessageAlteration] = []
    cookies: list[str] = []
    """Set-Cookie headers of every answer, as they are."""


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
        self._refused: list[Refusal] = []
        self.late_meetings = timedelta(0)
        """The age up to which a search does not find organizers' meetings."""
        self.cookies: list[bytes] = []
        """Set-Cookie headers of every answer."""
        self._altered: list[MessageAlteration] = []
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
        if not 0 <= parsed.late_meetings_s <= 86_400:
            raise BehaviourError("late_meetings_s: must be between 0 and 86400")
        for alteration in parsed.altered:
            alteration.check()
        if any("\r" in line or "\n" in line for line in parsed.cookies):
            raise BehaviourError("cookies: must be one line each")
        for refusal in parsed.refused:
            refusal.check()
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
        self._refused = parsed.refused
        self.late_meetings = timedelta(seconds=parsed.late_meetings_s)
        self._altered = parsed.altered
        self.cookies = [line.encode() for line in parsed.cookies]
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
            self._refused,
            self.late_meetings.total_seconds(),
            self._altered,
            [line.decode() for line in self.cookies],
        )

    def alter(self, address: str, message: Item) -> None:
        """Change a message that is on its way to an address."""
        for each in self._altered:
            theirs = each.mailbox is None or same_address(each.mailbox, address)
            if not theirs or each.times == 0:
                continue
            if each.times is not None:
                each.times -= 1
            ALTERATIONS[each.how](message)

    def take(
        self, operation: str, mailbox: str, element: Element | None = None
    ) -> "BehaviourPlan":
        """Choose the faults of one call, and count them as used. `element` is that of
        the operation."""
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
        for refusal in faults_of(self._refused, element) if element is not None else ():
            if not refusal.fits(operation, mailbox):
                continue
            if refusal.item:
                items.append(refusal)
            elif whole is None:
                whole = refusal
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
