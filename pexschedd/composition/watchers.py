"""The watchers of the equipment mailboxes: one set of parts for each integration."""

from socket import gethostname

from pexschedd.composition.clients import Clients
from pexschedd.composition.runtime import Runtime, chance, digits, uuid4
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.scheduling.inbox.notification_listener import NotificationListener
from pexschedd.scheduling.inbox.offline_rewrite import OfflineRewriter
from pexschedd.scheduling.inbox.ownership import Installation, Ownership
from pexschedd.scheduling.inbox.supervisor import Supervisor
from pexschedd.scheduling.inbox.watcher import Watcher
from pexschedd.scheduling.inbox.worker import IntegrationWorker, Looked
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.store.installation_id import installation_id


def supervisor_of(basis: Runtime, outside: Clients) -> Supervisor:
    installation = Installation(
        installation_id(basis.config.state_dir, uuid4), gethostname()
    )

    def lookout_of(connector: Connector) -> IntegrationWorker:
        return _lookout(basis, outside, installation, connector)

    return Supervisor(basis.store, basis.alarms, lookout_of, basis.reactor)


def _lookout(
    basis: Runtime, outside: Clients, installation: Installation, connector: Connector
) -> IntegrationWorker:
    store, alarms, now = basis.store, basis.alarms, basis.now
    connections = outside.connections
    mailbox = connections.mailbox(connector)

    def latest() -> Connector:
        return store.get(tables.CONNECTOR, connector.id) or connector

    def watcher_of(looked: Looked) -> Watcher:
        rewriter = OfflineRewriter(
            connector.id,
            connections.organizers(connector),
            outside.identity.verify,
            store,
            basis.wording,
            alarms,
            AliasAllocator(store, now=now, uuid4=uuid4, digits=digits),
            now=now,
        )
        return Watcher(
            connector.id,
            mailbox,
            rewriter,
            basis.scheduler,
            store,
            alarms,
            clock=basis.reactor,
            now=now,
            looked=looked,
            tally=basis.metrics.message,
        )

    listening = NotificationListener(
        connector,
        connections.notifications(connector, lambda: latest().poll_interval),
        clock=basis.reactor,
        now=now,
        chance=chance,
    )
    ownership = Ownership(
        latest, mailbox, installation, alarms, clock=basis.reactor, now=now
    )
    return IntegrationWorker(watcher_of, listening, ownership)
