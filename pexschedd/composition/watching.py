"""The watchers of the equipment mailboxes: one set of parts for each integration."""

from socket import gethostname

from pexschedd.composition.basis import Basis, chance, digits, uuid4
from pexschedd.composition.outside import Outside
from pexschedd.instance import instance_id
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.scheduling.listening import Listening
from pexschedd.scheduling.lookout import Looked, Lookout
from pexschedd.scheduling.ownership import Ownership, Self
from pexschedd.scheduling.rewriting import Rewriter
from pexschedd.scheduling.watcher import Watcher
from pexschedd.scheduling.watchers import Watchers


def watchers_of(basis: Basis, outside: Outside) -> Watchers:
    installation = Self(instance_id(basis.config.state_dir, uuid4), gethostname())

    def lookout_of(connector: Connector) -> Lookout:
        return _lookout(basis, outside, installation, connector)

    return Watchers(basis.store, basis.alarms, lookout_of, basis.reactor)


def _lookout(
    basis: Basis, outside: Outside, installation: Self, connector: Connector
) -> Lookout:
    store, alarms, now = basis.store, basis.alarms, basis.now
    connections = outside.connections
    mailbox = connections.mailbox(connector)

    def latest() -> Connector:
        return store.get(tables.CONNECTOR, connector.id) or connector

    def watcher_of(looked: Looked) -> Watcher:
        rewriter = Rewriter(
            connector.id,
            connections.organizers(connector),
            outside.identity.verify,
            store,
            basis.wording,
            alarms,
            now=now,
            uuid4=uuid4,
            digits=digits,
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

    listening = Listening(
        connector,
        connections.notifications(connector, lambda: latest().poll_interval),
        clock=basis.reactor,
        now=now,
        chance=chance,
    )
    ownership = Ownership(
        latest, mailbox, installation, alarms, clock=basis.reactor, now=now
    )
    return Lookout(watcher_of, listening, ownership)
