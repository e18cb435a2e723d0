"""Notes when room systems last asked for their meetings, beside what is known of the
endpoints that meetings are sent to."""

from datetime import timedelta

from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.errors import StoreError, StoreFull
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.store.store import Store

NOTED_EVERY = timedelta(minutes=15)


class EndpointContacts:
    """Writes the `last_contact_time` of endpoints that ask, seldom, and soon rather
    than now."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now

    def note(self, endpoint_id: int, meetings: int) -> None:
        """Note that an endpoint was given a list of so many meetings. A disk that takes
        no writes keeps no one waiting."""
        now = self._now()
        state = self._store.find(tables.ENDPOINT_STATE_BY_ENDPOINT, endpoint_id)
        if state is not None and state.number_of_meetings == meetings:
            last = state.last_contact_time
            if last is not None and timedelta() <= now - last < NOTED_EVERY:
                return
        with self._store.transaction(deferrable=True) as change:
            known = state or EndpointState(
                id=change.new_id(tables.ENDPOINT_STATE), endpoint=endpoint_id
            )
            changed = replace(known, last_contact_time=now, number_of_meetings=meetings)
            change.put(tables.ENDPOINT_STATE, changed)
            durable = change.commit()
        durable.addErrback(lambda failure: failure.trap(StoreError, StoreFull) and None)
