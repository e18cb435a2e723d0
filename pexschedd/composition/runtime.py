"""The objects that nearly every part of the daemon needs."""

import secrets
import sys
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4 as random_uuid

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from pexschedd.clock import Now
from pexschedd.composition.message_counts import MessageCounts
from pexschedd.config import Config
from pexschedd.history.audit_log import AuditLog
from pexschedd.log_writer import log_writer_of
from pexschedd.logs import dropped
from pexschedd.metrics import Metrics
from pexschedd.observation.journal import JournalWriter
from pexschedd.observation.tracing.inbox_tracer import InboxTracer
from pexschedd.observation.tracing.recorder import SpanRecorder
from pexschedd.observation.tracing.spans import SpanQueue
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.certificate_expiry import OwnCertificate
from pexschedd.scheduling.alarms.clock_skew import ClockSkew
from pexschedd.scheduling.alarms.clock_trust import ClockTrust
from pexschedd.scheduling.inbox.message_handler import MessageHandler
from pexschedd.scheduling.ports.tracing import NO_TRACER, MessageTracer
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store
from pexschedd.templates.engine import Templates
from pexschedd.util.descriptors import raise_limit
from pexschedd.util.worker_processes import WorkerProcesses

T = TypeVar("T")

AUDIT_FOLDER = "audit"
"""The folder of the audit log in the state folder."""

HASHING_THREADS = 2
"""A password hash takes 128 MiB and 0.4 seconds: two at once, in threads of their own,
which also seal and open archives. So a flood of sign-ins takes 256 MiB, not more."""

KERBEROS_THREADS = 4
"""A domain controller that does not answer keeps one busy for half a minute."""


class Tracing:
    """The parts that trace messages; made only if the configuration asks for traces."""

    def __init__(self, now: Now) -> None:
        self.queue = SpanQueue()
        self.recorder = SpanRecorder(self.queue.add, now=now, random=random_bytes)
        self.tracer = InboxTracer(self.recorder)


class Runtime:
    """The store, the clock, thread pools, alarms, metrics and message texts."""

    _log = Logger()

    def __init__(self, config: Config, store: Store, *, reactor: Any, now: Now) -> None:
        self.config = config
        self.store = store
        self.reactor = reactor
        self.now = now
        self.alarms = Alarms(store, now)
        self.metrics = Metrics()
        self.message_counts = MessageCounts(now)
        store.observe(self.metrics.flushed)
        self.clock_trust = ClockTrust(store, self.alarms, clock=reactor, now=now)
        self.clock_skew = ClockSkew(self.alarms, now, self.clock_trust.confirm)
        self.clock_trust.on_jump(self.clock_skew.forget)
        self.templates = Templates(now, uuid4, digits, self._template_debug)
        self.message_texts = MessageTexts(self.templates)
        self.tracing = Tracing(now) if config.traces_url else None
        self.tracer: MessageTracer = self.tracing.tracer if self.tracing else NO_TRACER
        self.message_handler = MessageHandler(
            store,
            self.message_texts,
            now=now,
            uuid4=uuid4,
            digits=digits,
            tracer=self.tracer,
        )
        form = config.log_format
        self.log = log_writer_of(
            sys.stdout,
            dropped(form, now),
            JournalWriter if form == "journal" else None,
        )
        """The writer of log lines and access lines."""
        self.own_certificates: list[OwnCertificate] = []
        """Certificates of our endpoints, added as these are made."""
        self.audit_log = AuditLog(
            store,
            config.audit_log_folder or config.state_dir / AUDIT_FOLDER,
            config.audit_log_megabytes << 20,
            config.audit_log_files,
            clock=reactor,
            now=now,
            in_thread=self.in_thread,
        )
        self.descriptors = raise_limit()
        self.heavy_work = WorkerProcesses(reactor)
        """Reads what comes from strangers, beside everything else."""
        self.rule_tests = WorkerProcesses(reactor, processes=1, seconds=10)
        """Tests of processing rules: administrators hold up nobody else by one."""
        self._hashing_threads = _ThreadPool(0, HASHING_THREADS, "hashing")
        self._kerberos_threads = _ThreadPool(0, KERBEROS_THREADS, "kerberos")

    def start_threads(self) -> None:
        """Start the thread pools, which `in_thread` and `in_kerberos_thread` need."""
        self._hashing_threads.start()
        self._kerberos_threads.start()

    async def stop_threads(self) -> None:
        """Stop the thread pools, after the work that they have begun, and the worker
        processes."""
        await self.heavy_work.stop()
        await self.rule_tests.stop()
        self._hashing_threads.stop()
        self._kerberos_threads.stop()

    def in_thread(self, work: Callable[[], T]) -> Deferred[T]:
        """Run work that keeps a processor busy, such as hashing, in a thread."""
        return deferToThreadPool(self.reactor, self._hashing_threads, work)

    def in_kerberos_thread(self, work: Callable[[], T]) -> Deferred[T]:
        """Run Kerberos calls, which wait for domain controllers, in a thread."""
        return deferToThreadPool(self.reactor, self._kerberos_threads, work)

    def _template_debug(self, text: str) -> None:
        self._log.info("template wrote debug output text={text}", text=text)


class _ThreadPool(ThreadPool):
    """A pool whose threads do not keep a process that was stopped from ending:
    otherwise the interpreter waits for them, and heeds no signal."""

    def threadFactory(self, **arguments: Any) -> Any:  # type: ignore[override]
        return ThreadPool.threadFactory(**arguments, daemon=True)


def uuid4() -> str:
    """Return a random UUID."""
    return str(random_uuid())


def digits(length: int) -> str:
    """Return `length` random decimal digits."""
    return str(secrets.randbelow(10**length)).zfill(length)


def random_text(size: int) -> str:
    """Return `size` random bytes in URL-safe base64."""
    return secrets.token_urlsafe(size)


def random_bytes(size: int) -> bytes:
    """Return `size` random bytes."""
    return secrets.token_bytes(size)


def chance() -> float:
    """Return a random number from 0 up to, but not including, 1."""
    return secrets.SystemRandom().random()
