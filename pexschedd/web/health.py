"""The daemon's health and metrics, for load balancers and monitoring.

The add-in's side is open to all, so only the administrators' side names integrations
and reasons, and has the metrics.
"""

from collections.abc import Callable, Sequence

from twisted.web.server import Request

from pexschedd.errors import NotFound, StoreError, StoreFull, StoreReadOnly
from pexschedd.metrics import CONTENT_TYPE
from pexschedd.scheduling.alarms.health import HealthCheck, HealthStatus, overall
from pexschedd.web.routes import (
    ResponseBody,
    json_response,
    new_app,
    register_http_errors,
    route,
    site_error,
)

_PUBLIC = {
    ("store", ""): StoreError.public,
    ("disk", "nearly_full"): StoreFull.public,
    ("disk", "read_only"): StoreReadOnly.public,
}
"""The public reasons, by the name and state of a check; of others the public is not
told."""


class HealthApi:
    """The routes `/health` and `/metrics` of one side of the server."""

    app = new_app()

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

    @route(app, "/health", errors=site_error)
    def health(self, request: Request) -> ResponseBody:
        """Answer 200 while the daemon works, even if its health is degraded, else
        503."""
        checks = self._checks()
        status = overall(checks)
        answer: dict[str, object] = {"status": status, "version": self._version}
        if self._exposition is not None:
            answer["checks"] = {check.name: _represent(check) for check in checks}
        else:
            answer |= _publicly(checks)
        code = 503 if status is HealthStatus.FAILED else 200
        return json_response(request, answer, code)

    @route(app, "/metrics", errors=site_error)
    def metrics(self, request: Request) -> bytes:
        """Answer in Prometheus' text format."""
        if self._exposition is None:
            raise NotFound("There is nothing here.")
        request.responseHeaders.setRawHeaders(b"content-type", [CONTENT_TYPE])
        return self._exposition()

    register_http_errors(app, site_error)


def _represent(check: HealthCheck) -> dict[str, str]:
    found = {
        "status": str(check.status),
        "state": check.state,
        "reason": check.reason,
    }
    return {key: value for key, value in found.items() if value}


def _publicly(checks: Sequence[HealthCheck]) -> dict[str, str]:
    """Return the state and the reasons that the public may know, if there are any."""
    bad = [check for check in checks if check.status is not HealthStatus.OK]
    found = {
        "state": next((check.state for check in bad if check.state), ""),
        "reason": " ".join(
            _PUBLIC[check.name, check.state]
            for check in bad
            if (check.name, check.state) in _PUBLIC
        ),
    }
    return {key: value for key, value in found.items() if value}
