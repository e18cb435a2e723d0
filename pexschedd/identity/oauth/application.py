"""The certificate by which an identity provider recognises the application."""

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from pexschedd.clock import Now
from pexschedd.errors import NotFound
from pexschedd.history.recorder import record_changes, settle
from pexschedd.identity.oauth.assertion import ApplicationCertificate, make_certificate
from pexschedd.identity.oauth.endpoint import context_of
from pexschedd.model import tables
from pexschedd.store.store import Store


class Applications:
    """Makes certificates for integrations; `in_thread` calls a slow function."""

    def __init__(
        self,
        store: Store,
        now: Now,
        in_thread: Callable[
            [Callable[[], ApplicationCertificate]], Deferred[ApplicationCertificate]
        ],
    ) -> None:
        self._store = store
        self._now = now
        self._in_thread = in_thread

    async def make_certificate(self, connector_id: int) -> str:
        """Replace an integration's key and certificate by new ones, durably.

        Returns the certificate (PEM). Raises `NotFound`.
        """
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id}.")
        name = f"pexschedd {connector.uuid}"
        made = await self._in_thread(partial(make_certificate, name, self._now()))
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id} any more.")
        context = context_of(connector, "private_key")
        with self._store.transaction() as transaction:
            transaction.put(
                tables.CONNECTOR,
                replace(
                    connector,
                    public_key=made.certificate,
                    private_key=self._store.vault.seal(made.private_key, context),
                ),
            )
            record_changes(self._store, transaction, self._now())
            durable = transaction.commit()
        await durable
        await settle(self._store, tables.CONNECTOR.document)
        return made.certificate
