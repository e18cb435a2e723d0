"""The tokens for Microsoft Graph of all records that use it."""

from functools import partial

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from pexschedd.identity.oauth.application_tokens import ApplicationTokens
from pexschedd.identity.oauth.endpoint import TokenEndpoint
from pexschedd.identity.oauth.service_accounts import GraphRecord
from pexschedd.identity.oauth.settings import graph_settings_of
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.store.store import Store


class GraphTokens(Service):
    """Token sources for Microsoft Graph, one for each integration or deployment.

    All who act for a record share its source, and so one token. A change of settings
    that decide about tokens ends that: who goes on with the old source gets tokens by
    the old settings. Stop this before the store: a renewal may be under way.
    """

    def __init__(
        self, store: Store, endpoint: TokenEndpoint, clock: IReactorTime
    ) -> None:
        self.setName("tokens for Microsoft Graph")
        self._store = store
        self._endpoint = endpoint
        self._clock = clock
        self._sources: dict[tuple[str, int], ApplicationTokens] = {}
        store.subscribe(tables.CONNECTOR, self._changed)
        store.subscribe(tables.MJX_GRAPH_DEPLOYMENT, self._changed)

    def of(self, record: GraphRecord) -> ApplicationTokens:
        """Return the source of a record's tokens.

        A record that is not stored as it is here, such as one that is only tried out,
        gets a source of its own.
        """
        settings, key = graph_settings_of(record), _key(record)
        shared = self._sources.get(key)
        if shared is not None and shared.settings == settings:
            return shared
        source = ApplicationTokens(
            settings,
            partial(self._endpoint.authenticated, record, settings),
            self._endpoint,
            self._clock,
            _log_keys(record),
        )
        if self._is_stored(record):
            self._sources[key] = source
        return source

    def stopService(self) -> Deferred[list[None]]:
        """Fire when no renewal is under way."""
        super().stopService()
        return gatherResults([each.settled() for each in self._sources.values()])

    def _is_stored(self, record: GraphRecord) -> bool:
        stored: GraphRecord | None
        if isinstance(record, Connector):
            stored = self._store.get(tables.CONNECTOR, record.id)
        else:
            stored = self._store.get(tables.MJX_GRAPH_DEPLOYMENT, record.id)
        return stored is not None and graph_settings_of(stored) == graph_settings_of(
            record
        )

    def _changed(self, old: GraphRecord | None, new: GraphRecord | None) -> None:
        if old is None:
            return
        if new is None or graph_settings_of(old) != graph_settings_of(new):
            self._sources.pop(_key(old), None)


def _key(record: GraphRecord) -> tuple[str, int]:
    kind = tables.CONNECTOR if isinstance(record, Connector) else None
    return (kind or tables.MJX_GRAPH_DEPLOYMENT).name, record.id


def _log_keys(record: GraphRecord) -> dict[str, object]:
    if isinstance(record, Connector):
        return {"integration": record.id, "name": record.name}
    return {"deployment": record.id, "name": record.name}
