"""The daemon's metrics, for Prometheus.

There are counters and histograms, which the parts of the daemon update through the
methods of `Metrics`, and gauges, which are looked up for each scrape (`Readings`). What
concerns the process and Python comes from the client library's collectors.
Labels are names of integrations, outcomes and operations, and nothing personal.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pexschedd import __version__
from pexschedd.observation.process import ConfinedProcessCollector

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
WAITING = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400)
SIGN_INS = ("accepted", "refused", "put_off")

DELAYS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
FLUSHES = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class IntegrationReading(msgspec.Struct, frozen=True):
    """The present state of one integration."""

    name: str
    queue: int
    """Messages that were read, but are not answered yet."""
    queue_age: float
    """Seconds that the oldest of them has waited."""
    notifications: str
    """The source of notifications: streaming, connecting, pull, webhook, polling."""
    back_off: float
    """Seconds until the server may be asked again; 0: now."""


class DeploymentReading(msgspec.Struct, frozen=True):
    """The present state of the reading of one deployment's rooms."""

    name: str
    rooms: int
    failing: int
    """Rooms whose last reading failed."""
    interval: float
    """Seconds between two readings of a room."""
    quota_used: float
    """The part of the calls of 24 hours that has been made, 0 to 1."""
    reported: int = 0
    """Rooms whose changes the server reports."""


class Readings(msgspec.Struct, frozen=True):
    """Functions that look up the values of gauges."""

    records: Callable[[], Iterable[tuple[str, int]]]
    """Collections, with the number of their records."""
    alarms: Callable[[], Iterable[tuple[str, int]]]
    """Names of alarms, with the number of those raised now."""
    integrations: Callable[[], Iterable[IntegrationReading]]
    store_state: Callable[[], str]
    """The state of the store: writable, nearly_full or read_only."""
    free_bytes: Callable[[], int]
    """Free space on the disk that holds the state."""
    deployments: Callable[[], Iterable[DeploymentReading]] = tuple
    """Deployments of One-Touch Join."""
    audit_waiting: Callable[[], int] = int
    """Changes and sign-ins that the audit log does not have yet."""


class Metrics:
    """All metrics, in a registry of their own."""

    def __init__(self) -> None:
        # The time when each series began would double the output, and is not used.
        disable_created_metrics()
        self._registry = CollectorRegistry()
        for collector in (ConfinedProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        Info(
            "pexschedd_build", "The release that is running.", registry=self._registry
        ).info({"version": __version__})
        self._delay = Histogram(
            "pexschedd_reactor_delay_seconds",
            "How late a timed call ran, measured four times a second.",
            buckets=DELAYS,
            registry=self._registry,
        )
        self._messages = Counter(
            "pexschedd_messages",
            "Messages in equipment mailboxes, by outcome.",
            ["integration", "outcome"],
            registry=self._registry,
        )
        self._limited = Counter(
            "pexschedd_bookings_limited",
            "Bookings that were refused because there were too many.",
            ["bound"],
            registry=self._registry,
        )
        self._personal_rooms = Counter(
            "pexschedd_personal_room_requests",
            "Requests of the add-in for personal rooms, by outcome.",
            ["integration", "outcome"],
            registry=self._registry,
        )
        self._user_sign_ins = Counter(
            "pexschedd_user_sign_ins",
            "Sign-ins of users for personal rooms that came back, by outcome.",
            ["integration", "outcome"],
            registry=self._registry,
        )
        self._tags = Counter(
            "pexschedd_tags_asked",
            "Tags that the add-in asked about, by what they turned out to be.",
            ["integration", "state"],
            registry=self._registry,
        )
        self._tags_limited = Counter(
            "pexschedd_tag_questions_limited",
            "Questions about tags that were refused because there were too many.",
            ["bound"],
            registry=self._registry,
        )
        self._sign_ins = Counter(
            "pexschedd_sign_ins",
            "Sign-ins of administrators whose password had to be verified.",
            ["outcome"],
            registry=self._registry,
        )
        for outcome in SIGN_INS:  # so that an increase is seen from the first one on
            self._sign_ins.labels(outcome)
        self._refused = Counter(
            "pexschedd_connections_refused",
            "Connections to the HTTP servers that were refused because too many were "
            "open.",
            registry=self._registry,
        )
        self._waited = Histogram(
            "pexschedd_message_seconds",
            "From the arrival of a message until its sender was answered.",
            ["integration"],
            buckets=WAITING,
            registry=self._registry,
        )
        self._calls = Counter(
            "pexschedd_ews_calls",
            "Calls to Exchange by operation and result.",
            ["integration", "operation", "result"],
            registry=self._registry,
        )
        self._call_seconds = Histogram(
            "pexschedd_ews_call_seconds",
            "How long Exchange took for a call.",
            ["operation"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._endpoint_visits = Counter(
            "pexschedd_endpoint_visits",
            "Visits to endpoints that are sent their meetings, by profile and result.",
            ["integration", "result"],
            registry=self._registry,
        )
        self._trace_spans = Counter(
            "pexschedd_trace_spans",
            "Spans for the collector of traces, by outcome.",
            ["outcome"],
            registry=self._registry,
        )
        self._commits = Counter(
            "pexschedd_store_commits",
            "Transactions that became durable.",
            registry=self._registry,
        )
        self._flush_seconds = Histogram(
            "pexschedd_store_flush_seconds",
            "How long the disk took to make a group of transactions durable.",
            buckets=FLUSHES,
            registry=self._registry,
        )

    def message(self, integration: str, outcome: str, waited: float | None) -> None:
        """Count a message that is done with; `waited` in seconds, if known."""
        self._messages.labels(integration, outcome).inc()
        if waited is not None:
            self._waited.labels(integration).observe(max(waited, 0))

    def limited(self, bound: str) -> None:
        """Count a booking beyond a rate; `bound` is "user" or "address"."""
        self._limited.labels(bound).inc()

    def personal_rooms(self, integration: str, outcome: str) -> None:
        """Count a request: "listed", "none", "chosen", "refused", "sign_in_needed"."""
        self._personal_rooms.labels(integration, outcome).inc()

    def user_sign_in(self, integration: str, outcome: str) -> None:
        """Count the end of a user's sign-in: "done", or the code of its failure."""
        self._user_sign_ins.labels(integration, outcome).inc()

    def tag_asked(self, integration: str, state: str) -> None:
        """Count a tag that the add-in asked about; see `tag_state.TagState`."""
        self._tags.labels(integration, state).inc()

    def tags_limited(self, bound: str) -> None:
        """Count a question about tags beyond a rate, as `limited`."""
        self._tags_limited.labels(bound).inc()

    def sign_in(self, outcome: str) -> None:
        """Count a sign-in of an administrator: "accepted", "refused" or "put_off"."""
        self._sign_ins.labels(outcome).inc()

    def connection_refused(self) -> None:
        """Count a connection for which there was no room."""
        self._refused.inc()

    def call(
        self, integration: str, operation: str, result: str, seconds: float
    ) -> None:
        """Count a finished call to Exchange; `result` is "ok" or an error's code."""
        self._calls.labels(integration, operation, result).inc()
        self._call_seconds.labels(operation).observe(seconds)

    def endpoint_visit(self, integration: str, result: str) -> None:
        """Count a visit: "sent", "unchanged", or the kind of problem."""
        self._endpoint_visits.labels(integration, result).inc()

    def trace_spans(self, outcome: str, count: int) -> None:
        """Count spans that were "sent" to the collector of traces, or "dropped"."""
        self._trace_spans.labels(outcome).inc(count)

    def flushed(self, commits: int, seconds: float) -> None:
        """Count a group of transactions that the disk has taken."""
        self._commits.inc(commits)
        self._flush_seconds.observe(seconds)

    def reactor_delayed(self, seconds: float) -> None:
        """Note how late a timed call ran."""
        self._delay.observe(seconds)

    def watch(self, readings: Readings) -> None:
        """Add the gauges that `readings` looks up."""
        self._registry.register(_Lookups(readings))

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _Lookups(Collector):
    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def describe(self) -> Iterator[Metric]:
        """Nothing in advance: registering asks for no values yet."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield _family(
            "pexschedd_records",
            "Stored records.",
            "resource",
            self._readings.records(),
        )
        yield _family(
            "pexschedd_alarms",
            "Alarms that are raised now.",
            "name",
            self._readings.alarms(),
        )
        free = GaugeMetricFamily(
            "pexschedd_disk_free_bytes", "Free space where the state is kept."
        )
        free.add_metric([], self._readings.free_bytes())
        yield free
        waiting = GaugeMetricFamily(
            "pexschedd_audit_log_waiting",
            "Changes and sign-ins that the audit log does not have yet.",
        )
        waiting.add_metric([], self._readings.audit_waiting())
        yield waiting
        yield _family(
            "pexschedd_store_state",
            "1 for the state of the store: which changes it takes.",
            "state",
            [(self._readings.store_state(), 1)],
        )
        now = list(self._readings.integrations())
        yield _family(
            "pexschedd_queue_messages",
            "Messages that were read and are not answered yet.",
            "integration",
            [(each.name, each.queue) for each in now],
        )
        yield _family(
            "pexschedd_queue_age_seconds",
            "How long the oldest unanswered message has waited.",
            "integration",
            [(each.name, each.queue_age) for each in now],
        )
        yield _family(
            "pexschedd_back_off_seconds",
            "Until the integration's Exchange server may be asked again.",
            "integration",
            [(each.name, each.back_off) for each in now],
        )
        states = GaugeMetricFamily(
            "pexschedd_notifications",
            "1 for the way in which the integration learns of new messages.",
            labels=["integration", "state"],
        )
        for each in now:
            states.add_metric([each.name, each.notifications], 1)
        yield states
        yield from self._of_deployments()

    def _of_deployments(self) -> Iterator[Metric]:
        now = list(self._readings.deployments())
        yield _family(
            "pexschedd_join_rooms",
            "Rooms whose calendars are read.",
            "deployment",
            [(each.name, each.rooms) for each in now],
        )
        yield _family(
            "pexschedd_join_rooms_failing",
            "Rooms whose last reading failed.",
            "deployment",
            [(each.name, each.failing) for each in now],
        )
        yield _family(
            "pexschedd_join_rooms_reported",
            "Rooms whose changes the server reports.",
            "deployment",
            [(each.name, each.reported) for each in now],
        )
        yield _family(
            "pexschedd_join_interval_seconds",
            "Time between two readings of a room.",
            "deployment",
            [(each.name, each.interval) for each in now],
        )
        yield _family(
            "pexschedd_join_quota_used",
            "Part of the requests of 24 hours that has been made.",
            "deployment",
            [(each.name, each.quota_used) for each in now],
        )


def _family(
    name: str, text: str, label: str, values: Iterable[tuple[str, float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for which, value in values:
        family.add_metric([which], value)
    return family
