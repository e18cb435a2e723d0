"""The records of aliases that are handed out."""

from collections.abc import Callable

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.decisions import aliases
from pexschedd.scheduling.decisions.aliases import AliasPair
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.store.store import Store


class AliasAllocator:
    """Makes `ScheduledAlias` records; the caller stores them.

    A record that is not stored reserves nothing. Put it into a transaction before the
    next await, or another caller may be given the same number; what is put is seen at
    once. `digits` returns a random decimal number of the given length.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Now,
        uuid4: Callable[[], str],
        digits: Callable[[int], str],
    ) -> None:
        self._store = store
        self._lookup = MeetingLookup(store)
        self._now = now
        self._uuid4 = uuid4
        self._digits = digits

    def allocate(self, connector: Connector, *, uid: str = "") -> ScheduledAlias:
        """A free alias of the integration, with a new tag.

        Only the meeting `uid` may use it; without one, the first that names the tag.
        Raises `Unavailable` when the integration has practically no numbers left.
        """
        pair = aliases.pick(
            connector.scheduled_alias_prefix or "",
            connector.scheduled_alias_suffix_length,
            connector.scheduled_alias_domain,
            digits=self._digits,
            taken=self._lookup.alias_taken,
        )
        return self.record(connector, pair, self._uuid4(), uid=uid)

    def record(
        self, connector: Connector, pair: AliasPair, uuid: str, *, uid: str = ""
    ) -> ScheduledAlias:
        """A record of this very alias and tag, with an id of its own."""
        return ScheduledAlias(
            id=self._store.transaction().new_id(tables.SCHEDULED_ALIAS),
            uuid=uuid,
            alias=pair.full,
            numeric_alias=pair.numeric,
            alias_number=pair.number,
            exchange_connector=connector.id,
            creation_time=self._now(),
            ews_item_uid=uid,
        )
