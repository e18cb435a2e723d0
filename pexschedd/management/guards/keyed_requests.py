"""Requests with a key: sent again, they get the first one's answer and make nothing.

The Idempotency-Key header of the IETF's draft (draft-ietf-httpapi-idempotency-key). A
key is stored in the transaction that makes the record: whenever the daemon ends, there
are both or neither. Only what was carried out is remembered; after an error the same
key is as good as new.
"""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from itertools import islice
from typing import Any

import msgspec

from pexschedd.clock import Now
from pexschedd.errors import KeyReused
from pexschedd.management.resource import Payload
from pexschedd.management.resources import AnyResource
from pexschedd.management.save_notes import Saved, SaveNote
from pexschedd.model.keyed_request import KeyedRequest
from pexschedd.model.tables import KEYED_REQUESTS, KeyedRequestTable
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.single_flight import SingleFlight

REMEMBERED = timedelta(hours=24)
MOST = 1_000
"""Keys of one administrator; then the oldest ones are forgotten."""
MOST_IN_DOCUMENT = 100
"""The same for tables in a document, which is written as a whole with each change."""

_CONTEXT = "keyed_request"

Remember = Callable[[Transaction, Saved], None]
"""Adds the key of a request to the transaction that carries it out."""


class RequestKey(msgspec.Struct, frozen=True):
    """A key, and whose it is."""

    administrator: str
    text: str


class _UnderWay(msgspec.Struct):
    body: str
    answer: SingleFlight[Saved]


class KeyedRequests:
    """The requests with a key that were carried out, or are being carried out."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now
        self._under_way: dict[str, _UnderWay] = {}

    async def once(
        self,
        resource: AnyResource,
        payload: Payload,
        key: RequestKey,
        work: Callable[[Remember], Coroutine[Any, Any, Saved]],
    ) -> Saved:
        """Return the result of `work`, or what it was when it was done before.

        Raises `KeyReused` if that was for something else that had the same key, and
        StoreReadOnly if what was done may not be durable yet.
        """
        place = KEYED_REQUESTS[resource.table.document]
        name = self._digest(f"{key.administrator}\n{resource.name}\n{key.text}")
        body = self._digest(msgspec.json.encode(payload, order="sorted").decode())
        running = self._under_way.get(name)
        if running is None:
            known = self._known(place, name)
            if known is not None:
                _require_same(known.body, body)
                self._store.require_writable()
                notes = tuple(SaveNote(field, text) for field, text in known.notes)
                return Saved(known.record, notes, known.tag)
            running = self._under_way[name] = _UnderWay(body, SingleFlight())
        _require_same(running.body, body)

        def remember(transaction: Transaction, saved: Saved) -> None:
            self._forget_old(transaction, place, key.administrator)
            request = KeyedRequest(
                id=transaction.new_id(place.table),
                time=self._now(),
                administrator=key.administrator,
                key=name,
                body=body,
                record=saved.id,
                tag=saved.tag,
                notes=tuple((note.field, note.text) for note in saved.notes),
            )
            transaction.put(place.table, request)

        async def carried_out() -> Saved:
            try:
                return await work(remember)
            finally:
                del self._under_way[name]

        return await running.answer.run(carried_out)

    def _known(self, place: KeyedRequestTable, name: str) -> KeyedRequest | None:
        """The newest request with a key, unless it is too old."""
        found = self._store.find_all(place.by_key, name)
        oldest = self._now() - REMEMBERED
        return next((each for each in reversed(found) if each.time > oldest), None)

    def _forget_old(
        self, transaction: Transaction, place: KeyedRequestTable, administrator: str
    ) -> None:
        """Make room for one more: delete what is too much, and the oldest two if they
        are past their time, so that old ones go as new ones come."""
        found = self._store.find_all(place.by_administrator, administrator)
        most = MOST_IN_DOCUMENT if place.table.document else MOST
        oldest = self._now() - REMEMBERED
        for number, each in enumerate(islice(found, max(2, len(found) - most + 1))):
            if each.time <= oldest or number <= len(found) - most:
                transaction.delete(place.table, each.id)

    def _digest(self, text: str) -> str:
        return self._store.vault.digest(text, _CONTEXT)


def _require_same(body: str, other: str) -> None:
    if body != other:
        raise KeyReused(
            "This Idempotency-Key was used within the last 24 hours for a request with "
            "another body, and that one was carried out. Nothing was done now. Send "
            "each new request with a new key, and a repeated one unchanged."
        )
