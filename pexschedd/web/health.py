"""The daemon's health and metrics, for load balancers and monitoring.

The add-in's side is open to all, so only the administrators' side names integrations
and reasons, and has the metrics.
"""

from collections.abc import Callable, Sequence

from klein import Klein
from twisted.web.server import Request

from pexschedd.errors import NotFound, StoreError, StoreFull
from pexschedd.metrics import CONTENT_TYPE
from pexschedd.scheduling.alarms.health import HealthCheck, HealthStatus, overall
from pexschedd.web.api import ResponseBody, json_response, register_http_errors, route

_PUBLIC = {"store": StoreError.public, "disk": StoreFull.public}
"""The public reasons of checks that can fail. Other checks are degraded at worst."""


class HealthApi:
    """The routes `/health` and `/metrics` of one side of the server."""

    app = Klein()

    def __init__(
        self,
        checks: Callable[[], Sequence[HealthCheck]],
        version: str,
        exposition: Callable[[], bytes] | None = None,
    ) -> None:
        """With `exposition`, which returns the metrics' text, it is the administrators'
        side."""
        self._checks = checks
        self._version = version
        self._exposition = exposition

    @route(app, "/health")
    def health(self, request: Request) -> ResponseBody:
        """Answer 200 while new work is taken, even if the health is degraded, else
        503."""
        checks = self._checks()
        status = overall(checks)
        answer: dict[str, object] = {"status": status, "version": self._version}
        if self._exposition is not None:
            answer["checks"] = {check.name: _represent(check) for check in checks}
        elif status is HealthStatus.FAILED:
            answer["reason"] = " ".join(
                _PUBLIC[check.name]
                for check in checks
                if check.status is HealthStatus.FAILED
            )
        code = 503 if status is HealthStatus.FAILED else 200
        return json_response(request, answer, code)

    @route(app, "/metrics")
    def metrics(self, request: Request) -> bytes:
        """Answer in Prometheus' text format."""
        if self._exposition is None:
            raise NotFound("There is nothing here.")
        request.responseHeaders.setRawHeaders(b"content-type", [CONTENT_TYPE])
        return self._exposition()

    register_http_errors(app)


def _represent(check: HealthCheck) -> dict[str, str]:
    status = {"status": str(check.status)}
    return status | {"reason": check.reason} if check.reason else status
