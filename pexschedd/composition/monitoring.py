"""Gathers the values for health checks and metrics from the parts of the daemon."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from shutil import disk_usage

from pexschedd.clock import Now
from pexschedd.management.computed.live import CertificateStatus, IntegrationStatus
from pexschedd.metrics import (
    DeploymentReading,
    IntegrationReading,
    Metrics,
    Readings,
)
from pexschedd.model import tables
from pexschedd.model.alarm import Alarm
from pexschedd.model.integration.connector import Connector
from pexschedd.observation.tracing.recorder import SpanRecorder
from pexschedd.scheduling.alarms import health, names
from pexschedd.scheduling.alarms.certificate_expiry import CertificateExpiry
from pexschedd.scheduling.alarms.clock_skew import ClockSkew
from pexschedd.scheduling.inbox.supervisor import Supervisor
from pexschedd.store.store import Store


class CallObserver:
    """Reports an integration's calls to Exchange to the metrics and to `clock_skew`,
    and to `spans` if messages are traced.

    An `exchange.observer.Observer`; `seconds` is a monotonic clock.
    """

    def __init__(
        self,
        integration: str,
        metrics: Metrics,
        clock_skew: ClockSkew,
        seconds: Callable[[], float],
        spans: SpanRecorder | None = None,
    ) -> None:
        self._integration = integration
        self._metrics = metrics
        self._clock_skew = clock_skew
        self._seconds = seconds
        self._spans = spans

    def begins(self, operation: str) -> Callable[[str, str], None]:
        """Note the start of a call; the returned function is called at its end."""
        started = self._seconds()
        span_ended = self._spans.request(operation) if self._spans else None

        def ended(result: str, date: str) -> None:
            took = self._seconds() - started
            self._metrics.call(self._integration, operation, result, took)
            if span_ended is not None:
                span_ended(result)
            if date:
                self._clock_skew.seen(self._integration, date)

        return ended


class Monitoring:
    """The daemon's state, for health checks and metrics.

    `failure` returns the reason why the store failed, or an empty string; `back_off`
    the seconds until an integration's server may be asked again; `deployments` the
    state of the reading of rooms; `audit_waiting` the number of entries that the audit
    log does not have yet.
    """

    def __init__(
        self,
        store: Store,
        state_dir: Path,
        supervisor: Supervisor,
        back_off: Callable[[Connector], float],
        failure: Callable[[], str],
        now: Now,
        deployments: Callable[[], Iterable[DeploymentReading]] = tuple,
        audit_waiting: Callable[[], int] = int,
    ) -> None:
        self._store = store
        self._deployments = deployments
        self._audit_waiting = audit_waiting
        self._state_dir = state_dir
        self._supervisor = supervisor
        self._back_off = back_off
        self._failure = failure
        self._now = now

    def checks(self) -> list[health.HealthCheck]:
        """Return the results of the health checks, now."""
        return health.examine(
            self._failure(),
            self._store.refusal,
            self._store.state,
            [connector.name for connector in self._store.all(tables.CONNECTOR)],
            self._raised(),
        )

    def summary(self) -> str:
        """Return a line about it for the service manager's status."""
        integrations = self._store.count(tables.CONNECTOR)
        alarms = len(self._raised())
        text = f"{_counted(integrations, 'integration')}, {_counted(alarms, 'alarm')}"
        return self._store.refusal or f"{text} raised"

    def readings(self) -> Readings:
        """Return the values that are looked up for each scrape of the metrics."""
        store = self._store
        return Readings(
            records=lambda: [(t.name, store.count(t)) for t in tables.TABLES],
            alarms=lambda: Counter(alarm.name for alarm in self._raised()).items(),
            integrations=self._integrations,
            store_state=lambda: self._store.state,
            free_bytes=lambda: disk_usage(self._state_dir).free,
            deployments=self._deployments,
            audit_waiting=self._audit_waiting,
        )

    def integrations(self) -> Iterator[IntegrationStatus]:
        """Yield the state of each integration, for administrators."""
        alarms = Counter(alarm.instance for alarm in self._raised())
        readings = list(self._integrations())
        for connector, reading in zip(
            list(self._store.all(tables.CONNECTOR)), readings, strict=True
        ):
            cursor = self._store.get(tables.CURSOR, connector.id)
            troubled = self._store.find_all(tables.TROUBLED_BY_CONNECTOR, connector.id)
            yield IntegrationStatus(
                id=connector.id,
                exchange_connector_id=connector.id,
                name=connector.name,
                mailbox_protocol=connector.mailbox_protocol,
                status="alarm" if alarms[connector.name] else "ok",
                alarms_count=alarms[connector.name],
                set_aside_count=sum(
                    message.set_aside_time is not None for message in troubled
                ),
                queue=reading.queue,
                queue_age=int(reading.queue_age),
                notifications=reading.notifications,
                back_off=ceil(reading.back_off),
                last_activity=cursor.last_item_time if cursor else None,
            )

    def _raised(self) -> list[Alarm]:
        return [a for a in self._store.all(tables.ALARM) if a.time_lowered is None]

    def _integrations(self) -> Iterator[IntegrationReading]:
        now = self._now()
        for connector in self._store.all(tables.CONNECTOR):
            waiting = self._waiting_since(connector)
            oldest = min(waiting, default=now)
            state = self._supervisor.stream_state(connector.id)
            yield IntegrationReading(
                connector.name,
                queue=len(waiting),
                queue_age=max(now - oldest, timedelta()).total_seconds(),
                notifications=str(state.mode) if state else "stopped",
                back_off=self._back_off(connector),
            )

    def _waiting_since(self, connector: Connector) -> list[datetime]:
        """Return the times of arrival, or of decision, of the unanswered messages."""
        answers = self._store.find_all(tables.OUTBOX_BY_CONNECTOR, connector.id)
        rewrites = self._store.find_all(tables.REWRITE_BY_CONNECTOR, connector.id)
        return [a.received or a.created for a in answers] + [
            r.created for r in rewrites
        ]


_KINDS = {
    names.CA_EXPIRES: "trusted",
    names.CERTIFICATE_EXPIRES: "exchange",
    names.OWN_CERTIFICATE_EXPIRES: "own",
    names.APPLICATION_CERTIFICATE_EXPIRES: "application",
}


def certificate_records(
    expiry: CertificateExpiry, now: Now
) -> Iterator[CertificateStatus]:
    """Yield all certificates that are known, as administrators see them."""
    moment = now()
    for number, each in enumerate(expiry.certificates(), 1):
        yield CertificateStatus(
            id=number,
            kind=_KINDS[each.alarm],
            name=each.instance,
            description=each.what,
            end_date=each.until,
            days_left=(each.until - moment).days,
            is_due=each.is_due(moment),
            remedy=each.remedy,
        )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
