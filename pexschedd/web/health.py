"""Is the daemon well, and what does it hold: for load balancers and monitoring."""

from collections.abc import Callable
from typing import Any

from klein import Klein
from twisted.web.server import Request

from pexschedd.model import tables
from pexschedd.model.table import Table
from pexschedd.store.store import Store
from pexschedd.web.api import json_response, register_http_errors, route

COUNTED: tuple[Table[Any], ...] = (
    tables.CONNECTOR,
    tables.SCHEDULED_ALIAS,
    tables.CONFERENCE,
    tables.CONFERENCE_ALIAS,
    tables.SCHEDULED_CONFERENCE,
    tables.OUTBOX,
)


class HealthApi:
    app = Klein()

    def __init__(self, store: Store, version: str, failure: Callable[[], str]) -> None:
        """`failure` says why the store does not take writes any more, or nothing."""
        self._store = store
        self._version = version
        self._failure = failure

    @route(app, "/health")
    def health(self, request: Request) -> bytes:
        """200 while the store takes writes, else 503."""
        failure = self._failure()
        if failure:
            return json_response(request, {"status": "failed", "reason": failure}, 503)
        return json_response(request, {"status": "ok", "version": self._version})

    @route(app, "/metrics")
    def metrics(self, request: Request) -> bytes:
        """Prometheus text: how many records of each kind, how many raised alarms."""
        request.setHeader("content-type", "text/plain; version=0.0.4")
        lines = [
            "# HELP pexschedd_records Stored records.",
            "# TYPE pexschedd_records gauge",
        ]
        lines += [
            f'pexschedd_records{{resource="{table.name}"}} {self._store.count(table)}'
            for table in COUNTED
        ]
        raised = sum(a.time_lowered is None for a in self._store.all(tables.ALARM))
        lines += [
            "# HELP pexschedd_alarms Alarms that are raised now.",
            "# TYPE pexschedd_alarms gauge",
            f"pexschedd_alarms {raised}",
        ]
        return ("\n".join(lines) + "\n").encode()

    register_http_errors(app)
