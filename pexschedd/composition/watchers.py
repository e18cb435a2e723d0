"""The watchers of the equipment mailboxes: one set of parts for each integration."""

from functools import partial
from socket import gethostname

from pexschedd.composition.clients import Clients
from pexschedd.composition.runtime import Runtime, chance, digits, uuid4
from pexschedd.identity.mailed_tokens import MailedTokens
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.observation.tracing.traced_mailbox import TracedMailbox
from pexschedd.scheduling.inbox.batch_processor import BatchProcessor
from pexschedd.scheduling.inbox.mailbox_alarms import (
    ConnectionAlarm,
    MailboxAlarms,
    QueueAlarm,
)
from pexschedd.scheduling.inbox.notification_listener import (
    NotificationListener,
    NotificationMode,
)
from pexschedd.scheduling.inbox.offline_rewrite import OfflineRewriter
from pexschedd.scheduling.inbox.outbox import Outbox
from pexschedd.scheduling.inbox.ownership import Installation, Ownership
from pexschedd.scheduling.inbox.quarantine import Quarantine
from pexschedd.scheduling.inbox.reader import MailboxReader
from pexschedd.scheduling.inbox.sender import DecisionSender
from pexschedd.scheduling.inbox.supervisor import Supervisor
from pexschedd.scheduling.inbox.watcher import NextDelay, Watcher
from pexschedd.scheduling.inbox.worker import IntegrationWorker
from pexschedd.scheduling.ports.mailbox import Mailbox
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.store.installation_id import installation_id


def supervisor_of(runtime: Runtime, clients: Clients) -> Supervisor:
    """Return the service that runs a worker for each integration."""
    installation = Installation(
        installation_id(runtime.config.state_dir, uuid4), gethostname()
    )
    return Supervisor(
        runtime.store,
        runtime.alarms,
        partial(_worker, runtime, clients, installation),
        runtime.reactor,
    )


def _worker(
    runtime: Runtime, clients: Clients, installation: Installation, connector: Connector
) -> IntegrationWorker:
    clock, now = runtime.reactor, runtime.now
    connections = clients.connections
    mailbox = connections.mailbox(connector)

    def latest() -> Connector:
        return runtime.store.get(tables.CONNECTOR, connector.id) or connector

    listener = NotificationListener(
        connector,
        connections.notifications(connector, lambda: latest().poll_interval),
        clock=clock,
        now=now,
        chance=chance,
        mode_when_up=NotificationMode.WEBHOOK if connector.uses_graph else None,
    )
    ownership = Ownership(
        latest, mailbox, installation, runtime.alarms, clock=clock, now=now
    )
    return IntegrationWorker(
        connector.id,
        partial(_watcher, runtime, clients, connector, mailbox),
        listener,
        ownership,
    )


def _watcher(
    runtime: Runtime,
    clients: Clients,
    connector: Connector,
    mailbox: Mailbox,
    next_delay: NextDelay,
) -> Watcher:
    id, store, alarms = connector.id, runtime.store, runtime.alarms
    clock, now, tracer = runtime.reactor, runtime.now, runtime.tracer
    if runtime.tracing is not None:
        mailbox = TracedMailbox(mailbox, runtime.tracing.tracer)
    quarantine = Quarantine(id, store, alarms, clock=clock, now=now)
    return Watcher(
        partial(store.get, tables.CONNECTOR, id),
        MailboxReader(id, mailbox, store),
        BatchProcessor(
            id,
            mailbox,
            runtime.message_handler,
            store,
            quarantine,
            MailedTokens(store, now).remember,
            clock=clock,
            now=now,
            tracer=tracer,
        ),
        DecisionSender(
            Outbox(
                id,
                mailbox,
                store,
                alarms,
                quarantine,
                general_error=runtime.message_handler.general_error,
                now=now,
                count_message=runtime.message_counts.counting(
                    id, runtime.metrics.message
                ),
                tracer=tracer,
            ),
            OfflineRewriter(
                id,
                clients.connections.organizers(connector),
                clients.identity.verify_in_invitation,
                store,
                runtime.message_texts,
                alarms,
                quarantine,
                AliasAllocator(store, now=now, uuid4=uuid4, digits=digits),
                now=now,
                heavy_work=runtime.heavy_work,
                tracer=tracer,
            ),
        ),
        MailboxAlarms(
            alarms,
            ConnectionAlarm(alarms, clock),
            QueueAlarm(id, store, alarms, clock=clock, now=now),
        ),
        clock=clock,
        next_delay=next_delay,
        tracer=tracer,
    )
