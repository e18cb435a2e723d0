"""Reads the keys of users' tokens before a user needs them, and keeps their alarm.

Every configured metadata document of Exchange, and the OpenID configuration of every
integration that takes Microsoft 365's tokens, is read once an hour, at the start and
when it is configured; one that cannot be read, every five minutes and when something
changes that may help. So the keys are at hand when a user opens the add-in, and an
administrator hears of a problem first.
"""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import msgspec
from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pexschedd.errors import Unavailable, Untrusted
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.names import METADATA
from pexschedd.store.store import Store
from pexschedd.util.periodic import Periodic, Running

READ_EVERY = 60 * 60.0
RETRY_EVERY = 5 * 60.0
"""Seconds between two readings of a document that can, or cannot, be read."""

LASTING = 10 * 60.0
"""Seconds after which a problem counts as lasting."""

NONE_CONFIGURED = (
    "No Exchange metadata domain is configured, so no user of the add-in can be "
    "recognised. Add the FQDN of every Exchange server under Exchange Metadata Domains "
    "and URLs."
)
NO_TOKENS_ONLINE = (
    "The add-in is to use Exchange identity tokens, which Exchange Online gives to no "
    "add-in, so none of its users can be recognised. Choose NAA_TOKEN or SSO_TOKEN as "
    "addin_authentication_method: see docs/add-in-microsoft365.md."
)


class KeyDocument(msgspec.Struct, frozen=True):
    """A document that the keys of tokens come from."""

    address: str
    """A metadata domain or URL of Exchange's, or the URL of an OpenID configuration."""
    is_openid: bool = False
    direct: bool = False
    """True to bypass the web proxy, for an OpenID configuration."""


Read = Callable[[KeyDocument], Coroutine[Any, Any, object]]
"""Reads a document and its keys; raises `Unavailable` with the reason."""


class _State:
    def __init__(self) -> None:
        self.good: float | None = None
        """The time at which it was last read, by the reactor's clock."""
        self.failing: float | None = None
        """The time since which it cannot be read; None while it can."""
        self.problem = ""
        self.untrusted = False


class MetadataCheck(MultiService):
    """Raises and lowers `METADATA`, one alarm for each integration."""

    name = "metadata"
    _log = Logger()

    def __init__(
        self, store: Store, alarms: Alarms, read: Read, clock: IReactorTime
    ) -> None:
        super().__init__()
        self._store = store
        self._alarms = alarms
        self._read = read
        self._clock = clock
        self._states: dict[KeyDocument, _State] = {}
        # The times since which integrations have had no domain at all.
        self._without: dict[str, float] = {}
        self._one_at_a_time = DeferredLock()
        self._soon: IDelayedCall | None = None
        self._reading: Deferred[object] | None = None
        store.subscribe(tables.EXCHANGE_DOMAIN, self._changed)
        store.subscribe(tables.CONNECTOR, self._changed)
        store.subscribe(tables.CA_CERTIFICATE, self._changed)
        Periodic(
            "metadata", self._round, clock, RETRY_EVERY, at_start=True
        ).setServiceParent(self)

    def stopService(self) -> Deferred[Any]:
        """Cancel the reading at hand, and end the periodic ones."""
        if self._soon is not None and self._soon.active():
            self._soon.cancel()
        stopped: Deferred[Any] = super().stopService()
        if self._reading is not None:
            self._reading.cancel()
        return stopped

    def _changed(self, _old: object, _new: object) -> None:
        if self.running and (self._soon is None or not self._soon.active()):
            self._soon = self._clock.callLater(0, self._check_now)

    def _check_now(self) -> None:
        done = Deferred.fromCoroutine(self._round(lambda: bool(self.running)))
        done.addErrback(
            lambda failure: self._log.failure(
                "metadata check failed unexpectedly", failure
            )
        )

    async def _round(self, running: Running) -> None:
        await self._one_at_a_time.acquire()
        try:
            await self._check(running)
        finally:
            self._one_at_a_time.release()

    async def _check(self, running: Running) -> None:
        configured = dict(self._configured())
        wanted = {each for documents in configured.values() for each in documents}
        self._states = {each: self._states.get(each) or _State() for each in wanted}
        now = self._clock.seconds()
        self._without = {
            name: self._without.get(name, now)
            for name, documents in configured.items()
            if not documents
        }
        for document, state in self._states.items():
            if running() and self._is_due(state):
                await self._read_one(document, state)
        if running():
            for connector in list(self._store.all(tables.CONNECTOR)):
                self._update_alarm(connector, configured.get(connector.name, []))

    def _configured(self) -> Iterator[tuple[str, list[KeyDocument]]]:
        """Yield integrations, and the documents that their tokens' keys come from."""
        for connector in self._store.all(tables.CONNECTOR):
            if connector.addin_authentication_method == "EXCHANGE_USER_ID_TOKEN":
                found = self._store.find_all(tables.DOMAIN_BY_CONNECTOR, connector.id)
                yield connector.name, [KeyDocument(each.domain) for each in found]
            elif connector.addin_oidc_metadata_url:
                url = connector.addin_oidc_metadata_url
                document = KeyDocument(url, True, connector.disable_proxy)
                yield connector.name, [document]

    def _is_due(self, state: _State) -> bool:
        # A second early counts: rounds do not come exactly on time.
        return (
            state.good is None
            or state.failing is not None
            or self._clock.seconds() - state.good >= READ_EVERY - 1
        )

    async def _read_one(self, document: KeyDocument, state: _State) -> None:
        self._reading = Deferred.fromCoroutine(self._read(document))
        try:
            await self._reading
        except CancelledError:
            return
        except Unavailable as error:
            state.problem = error.message
            state.untrusted = isinstance(error, Untrusted)
            if state.failing is None:
                state.failing = self._clock.seconds()
        else:
            state.good = self._clock.seconds()
            state.failing = None
            state.untrusted = False

    def _update_alarm(self, connector: Connector, documents: list[KeyDocument]) -> None:
        integration = connector.name
        states = [self._states[each] for each in documents if each in self._states]
        problems = [state.problem for state in states if self._is_lasting(state)]
        without = self._without.get(integration)
        if without is not None and self._clock.seconds() - without >= LASTING:
            problems = [NO_TOKENS_ONLINE if connector.uses_graph else NONE_CONFIGURED]
        if problems:
            self._alarms.raise_(METADATA, integration, " ".join(problems))
        elif all(state.failing is None for state in states):
            self._alarms.lower(integration, METADATA)

    def _is_lasting(self, state: _State) -> bool:
        if state.failing is None:
            return False
        return state.untrusted or self._clock.seconds() - state.failing >= LASTING
