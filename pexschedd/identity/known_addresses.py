"""The addresses from which administrators have signed in before, kept in the store.

After a restart nobody has signed in yet, and guesses of strangers would delay the true
administrator. Each administrator's record has the last `MOST` addresses, as digests
with a key of the installation: a copy of the record alone does not tell them.
"""

from collections import OrderedDict
from collections.abc import Callable

from msgspec.structs import replace
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.errors import StoreError, StoreFull
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import Administrator
from pexschedd.store.store import Store
from pexschedd.util.client_network import network_of

MOST = 16
"""Addresses of one administrator."""

WRITTEN_EVERY = 3600.0
"""Seconds."""

_MOST_NOTED = 1_000
_CONTEXT = "administrator/known_addresses"

_log = Logger()


class KnownAddresses:
    """Remembers and recognises the addresses of administrators.

    The addresses of one IPv6 network (/64) count as one. `seconds` is a steady clock.
    """

    def __init__(self, store: Store, seconds: Callable[[], float]) -> None:
        self._store = store
        self._seconds = seconds
        self._noted: OrderedDict[str, float] = OrderedDict()
        """The time at which each address was looked at last, by digest."""

    def knows(self, administrator: Administrator, address: str) -> bool:
        """Return whether the administrator has signed in from an address before."""
        return bool(address) and (
            self._digest(administrator, address) in administrator.known_addresses
        )

    def remember(self, administrator: Administrator, address: str) -> None:
        """Keep an address from which the administrator has signed in.

        Durable soon. Each is written at most once in `WRITTEN_EVERY` seconds, and not
        at all while it is among the later half of what is kept.
        """
        if not address:
            return
        digest, now = self._digest(administrator, address), self._seconds()
        if now - self._noted.get(digest, -WRITTEN_EVERY) < WRITTEN_EVERY:
            return
        self._noted[digest] = now
        self._noted.move_to_end(digest)
        if len(self._noted) > _MOST_NOTED:
            self._noted.popitem(last=False)
        known = administrator.known_addresses
        if digest in known[-(MOST // 2) :]:
            return
        kept = (*(each for each in known if each != digest), digest)[-MOST:]
        # A disk that takes no writes keeps no administrator out.
        with self._store.transaction(deferrable=True) as transaction:
            transaction.put(
                tables.ADMINISTRATOR, replace(administrator, known_addresses=kept)
            )
            durable = transaction.commit()
        durable.addErrback(_not_written)

    def _digest(self, administrator: Administrator, address: str) -> str:
        text = f"{administrator.id}/{network_of(address)}"
        return self._store.vault.digest(text, _CONTEXT)


def _not_written(failure: Failure) -> None:
    failure.trap(StoreError, StoreFull)
    _log.info(
        "administrator address not written yet reason={reason}", reason=failure.value
    )
