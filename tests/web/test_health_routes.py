"""What load balancers and monitoring are told, on a real port."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_twisted
import treq
from twisted.internet import reactor as _reactor
from twisted.web.http_headers import Headers

from pexschedd.scheduling.alarms.health import HealthCheck, HealthStatus
from pexschedd.web.health import HealthApi
from pexschedd.web.site import HttpSite

reactor: Any = _reactor


class Side:
    """One side of the daemon, with checks that a test sets."""

    def __init__(self) -> None:
        self.checks = [HealthCheck("store", HealthStatus.OK)]
        self.lines: list[str] = []
        self.ports: list[Any] = []

    async def ask(self, path: str, *, administrators: bool) -> tuple[int, Any, Any]:
        exposition = (lambda: b"# metrics\n") if administrators else None
        api = HealthApi(lambda: self.checks, "1.2", exposition)
        site = HttpSite(api.app.resource(), reactor, self.lines.append)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.ports.append(port)
        url = f"http://127.0.0.1:{port.getHost().port}{path}"
        response = await treq.get(url, headers=Headers({b"connection": [b"close"]}))
        text = await response.text()
        kind = response.headers.getRawHeaders("content-type")[0]
        is_json = "json" in kind
        return response.code, await response.json() if is_json else text, kind


@pytest_twisted.async_yield_fixture()
async def side() -> AsyncIterator[Side]:
    side = Side()
    yield side
    for port in side.ports:
        await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_all_is_well(side: Side) -> None:
    """200, and the version."""
    status, answer, _ = await side.ask("/health", administrators=False)
    assert (status, answer) == (200, {"status": "ok", "version": "1.2"})


@pytest_twisted.ensureDeferred
async def test_something_to_mend_sends_nobody_away(side: Side) -> None:
    """Degraded is 200; only administrators are told what, by name."""
    side.checks.append(
        HealthCheck("integration Secret", HealthStatus.DEGRADED, "unreachable")
    )
    status, answer, _ = await side.ask("/health", administrators=False)
    assert (status, answer) == (200, {"status": "degraded", "version": "1.2"})
    status, answer, _ = await side.ask("/health", administrators=True)
    assert status == 200
    assert answer["checks"] == {
        "store": {"status": "ok"},
        "integration Secret": {"status": "degraded", "reason": "unreachable"},
    }


@pytest.mark.parametrize("administrators", [True, False])
@pytest_twisted.ensureDeferred
async def test_no_new_work(side: Side, administrators: bool) -> None:
    """503 with the reason, on both sides; but the public is told no paths."""
    side.checks = [HealthCheck("store", HealthStatus.FAILED, "/var/lib is broken")]
    status, answer, _ = await side.ask("/health", administrators=administrators)
    assert (status, answer["status"]) == (503, "failed")
    assert ("/var/lib" if administrators else "cannot store") in str(answer)
    assert ("/var/lib" in str(answer)) is administrators


@pytest_twisted.ensureDeferred
async def test_metrics_are_for_administrators(side: Side) -> None:
    """The public side has none."""
    status, text, kind = await side.ask("/metrics", administrators=True)
    assert (status, text) == (200, "# metrics\n")
    assert kind.startswith("text/plain; version=0.0.4")
    assert (await side.ask("/metrics", administrators=False))[0] == 404


@pytest_twisted.ensureDeferred
async def test_requests_are_logged(side: Side) -> None:
    """One line of JSON each, with the time and without the query."""
    await side.ask('/health?token=geheim"', administrators=True)
    (line,) = map(json.loads, side.lines)
    assert (line["log"], line["method"], line["path"]) == ("access", "GET", "/health")
    assert line["status"] == 200
    age = datetime.now(UTC) - datetime.fromisoformat(line["time"])
    assert abs(age) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("state", "public"), [("read_only", "cannot store"), ("nearly_full", "nearly full")]
)
@pytest_twisted.ensureDeferred
async def test_a_full_disk_sends_nobody_away(
    side: Side, state: str, public: str
) -> None:
    """Open rooms are joined all the same, so it is degraded, 200, with a word for the
    state and the reason; the public is told no paths."""
    side.checks = [
        HealthCheck("disk", HealthStatus.DEGRADED, "/var/lib is full", state)
    ]
    status, answer, _ = await side.ask("/health", administrators=False)
    assert (status, answer["status"], answer["state"]) == (200, "degraded", state)
    assert public in answer["reason"]
    assert "/var/lib" not in str(answer)
    status, answer, _ = await side.ask("/health", administrators=True)
    assert (status, answer["checks"]["disk"]["state"]) == (200, state)
    assert answer["checks"]["disk"]["reason"] == "/var/lib is full"
