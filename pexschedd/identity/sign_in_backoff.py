"""Delays between failed sign-ins of administrators.

Failures are counted by the name that was tried and by the address that they came from.
Some are free, since people mistype; after each further one the next attempt has to
wait, twice as long as the time before. An attempt counts as failed from its beginning,
so that many at once do not get through together.

A name's delay is for strangers: an address from which that name has signed in before
is not delayed because others guess; `known_addresses` keeps such addresses over a
restart. Time is given in seconds of any steady clock.
"""

from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct

from pexschedd.util.backoff import backoff
from pexschedd.util.client_network import network_of

FREE = 5
"""Failures without a delay."""
LONGEST_BY_ADDRESS = 900.0
LONGEST_BY_NAME = 60.0
LONGEST_WHEN_KNOWN = 10.0
"""Seconds. The last one is for an address that has signed in with the name before: it
may be that of a whole office, or of a proxy."""
FORGOTTEN_AFTER = 3600.0
"""Seconds after the last failure."""

_MAX_NAME = 100
_MOST_KEYS = 10_000
_MOST_KNOWN = 1_000

_by_address = backoff(1.0, LONGEST_BY_ADDRESS)
_by_name = backoff(1.0, LONGEST_BY_NAME)


class _Failures(Struct, frozen=True):
    count: int
    last: float

    def ends(self, delay: Callable[[int], float]) -> float:
        """The time at which the next attempt may be made."""
        beyond = self.count - FREE
        return self.last + delay(min(beyond, 60)) if beyond >= 0 else self.last


class _Counts:
    """Failures of many keys, of which the ones that failed longest ago are forgotten
    first."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def get(self, key: str, now: float) -> _Failures:
        found = self._failures.get(key)
        if found is None or now - found.last >= FORGOTTEN_AFTER:
            return _Failures(0, now)
        return found

    def add(self, key: str, now: float) -> None:
        self._failures[key] = _Failures(self.get(key, now).count + 1, now)
        self._failures.move_to_end(key)
        if len(self._failures) > _MOST_KEYS:
            self._failures.popitem(last=False)

    def take_back(self, key: str) -> None:
        found = self._failures.pop(key, None)
        if found is not None and found.count > 1:
            self._failures[key] = _Failures(found.count - 1, found.last)

    def clear(self, key: str) -> None:
        self._failures.pop(key, None)


class SignInBackOff:
    """Counts failed sign-ins, and tells how long the next attempt has to wait.

    Its memory is bounded, whatever names and addresses are tried.
    """

    def __init__(self) -> None:
        self._addresses = _Counts()
        self._names = _Counts()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._addresses) + len(self._names) + len(self._known)

    def begin(self, name: str, address: str, now: float) -> float:
        """Return 0 if the attempt may be made, or the seconds until one may be.

        An attempt that may be made counts as failed until it is reported by
        `succeeded` or `withdrawn`.
        """
        name, address = _name(name), network_of(address)
        failures = self._addresses.get(address, now)
        if (name, address) in self._known:
            ends = failures.ends(_when_known)
        else:
            ends = max(
                failures.ends(_by_address), self._names.get(name, now).ends(_by_name)
            )
        if ends > now:
            return ends - now
        self._addresses.add(address, now)
        if (name, address) not in self._known:
            self._names.add(name, now)
        return 0.0

    def succeeded(self, name: str, address: str) -> None:
        """Report that the attempt was a true administrator's."""
        name, address = _name(name), network_of(address)
        self._addresses.clear(address)
        if (name, address) not in self._known:
            self._names.take_back(name)
        self.recognise(name, address)

    def recognise(self, name: str, address: str) -> None:
        """Note an address from which the name has signed in, now or long ago."""
        key = _name(name), network_of(address)
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    def withdrawn(self, name: str, address: str) -> None:
        """Report that the attempt was not made after all."""
        name, address = _name(name), network_of(address)
        self._addresses.take_back(address)
        if (name, address) not in self._known:
            self._names.take_back(name)


def _when_known(failures: int) -> float:
    return min(_by_address(failures), LONGEST_WHEN_KNOWN)


def _name(name: str) -> str:
    return name[:_MAX_NAME]
