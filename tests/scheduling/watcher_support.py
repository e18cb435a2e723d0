"""A watcher with its parts, built as `composition/watchers.py` does."""

from collections.abc import Callable
from functools import partial

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.identity.mailed_tokens import MailedTokens
from pexschedd.model import tables
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.inbox.batch_processor import BatchProcessor
from pexschedd.scheduling.inbox.mailbox_alarms import (
    ConnectionAlarm,
    MailboxAlarms,
    QueueAlarm,
)
from pexschedd.scheduling.inbox.message_handler import MessageHandler
from pexschedd.scheduling.inbox.offline_rewrite import OfflineRewriter, VerifyToken
from pexschedd.scheduling.inbox.outbox import Outbox
from pexschedd.scheduling.inbox.quarantine import Quarantine
from pexschedd.scheduling.inbox.reader import BATCH_SIZE, MailboxReader
from pexschedd.scheduling.inbox.sender import DecisionSender
from pexschedd.scheduling.inbox.watcher import NextDelay, Watcher, poll_interval
from pexschedd.scheduling.ports.mailbox import Mailbox, OrganizersCalendars
from pexschedd.scheduling.ports.tracing import NO_TRACER, MessageTracer
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store
from pexschedd.util.worker_processes import HeavyWork, work_at_once

INTEGRATION = 1


def new_watcher(
    store: Store,
    alarms: Alarms,
    texts: MessageTexts,
    handler: MessageHandler,
    mailbox: Mailbox,
    organizers: OrganizersCalendars,
    verify: VerifyToken,
    *,
    clock: IReactorTime,
    now: Now,
    uuid4: Callable[[], str],
    digits: Callable[[int], str],
    batch_size: int = BATCH_SIZE,
    next_delay: NextDelay = poll_interval,
    heavy_work: HeavyWork = work_at_once,
    tracer: MessageTracer = NO_TRACER,
) -> Watcher:
    """The watcher of the integration with the id 1."""
    id = INTEGRATION
    quarantine = Quarantine(id, store, alarms, clock=clock, now=now)
    return Watcher(
        partial(store.get, tables.CONNECTOR, id),
        MailboxReader(id, mailbox, store, batch_size=batch_size),
        BatchProcessor(
            id,
            mailbox,
            handler,
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
                general_error=handler.general_error,
                now=now,
                tracer=tracer,
            ),
            OfflineRewriter(
                id,
                organizers,
                verify,
                store,
                texts,
                alarms,
                quarantine,
                AliasAllocator(store, now=now, uuid4=uuid4, digits=digits),
                now=now,
                heavy_work=heavy_work,
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
