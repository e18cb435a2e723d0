"""The sample configurations of nginx, Caddy and HAProxy, by the real programs."""

import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.deploy.proxy_support import (
    ADMINISTRATOR,
    CADDY,
    DEPLOY,
    HAPROXY,
    NGINX,
    NODE,
    PROMETHEUS,
    STRANGER,
    ProxiedWorld,
    ProxyProgram,
)
from tests.system.system_support import ROOT, eventually

POLICY = "/policy/v1/service/configuration?local_alias=1"
ADDIN = "/api/client/v2/msexchange_schedulers/1/meeting_details"
ADMIN = "/api/admin/configuration/v1/"


def marked(program: ProxyProgram) -> object:
    return pytest.param(
        program,
        id=program.name,
        marks=pytest.mark.skipif(
            not program.is_there,
            reason=f"{program.name} is not installed (Debian package "
            f"{program.package})",
        ),
    )


@pytest.fixture(scope="module", params=[marked(p) for p in (NGINX, CADDY, HAPROXY)])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProxiedWorld]:
    """A daemon behind one of the proxies."""
    program: ProxyProgram = request.param
    world = ProxiedWorld(tmp_path_factory.mktemp(program.name), program)
    try:
        world.start_daemon()
        world.start_proxy()
        yield world
    finally:
        world.stop()
    assert "Traceback" not in world.daemon.log.read_text()


def is_ours(answer: requests.Response) -> bool:
    """Whether the daemon has answered, and not the proxy in its place."""
    return "x-request-id" in answer.headers


WAYS = [
    # who, side, path, whether the daemon is asked
    (STRANGER, "public", ADDIN, True),
    (STRANGER, "public", "/health", True),
    (NODE, "public", POLICY, True),
    (STRANGER, "public", POLICY, False),
    (ADMINISTRATOR, "public", POLICY, False),
    (STRANGER, "public", ADMIN, False),
    (STRANGER, "public", "/metrics", False),
    (STRANGER, "public", "/", False),
    (ADMINISTRATOR, "private", ADMIN, True),
    (ADMINISTRATOR, "private", "/admin/", True),
    (STRANGER, "private", ADMIN, False),
    (STRANGER, "private", "/admin/", False),
    (NODE, "private", ADMIN, False),
    (PROMETHEUS, "private", "/metrics", True),
    (ADMINISTRATOR, "private", "/metrics", False),
    (STRANGER, "private", "/metrics", False),
    (ADMINISTRATOR, "private", POLICY, False),
]


@pytest.mark.parametrize(("who", "side", "path", "served"), WAYS)
def test_who_reaches_what(
    world: ProxiedWorld, who: str, side: str, path: str, served: bool
) -> None:
    """Each path for those that it is for, and for no one else."""
    answer = world.visit(who, getattr(world, side), path)
    assert is_ours(answer) is served
    if not served:
        assert answer.status_code in (403, 404)


@pytest.mark.parametrize(
    "path",
    [
        f"/{POLICY}",
        POLICY.replace("policy", "%70olicy"),
        POLICY.replace("policy", "POLICY"),
        f"/api/client/v2/msexchange_schedulers/../../../..{POLICY}",
        f"/api/client/v2/msexchange_schedulers/..%2f..%2f..%2f..{POLICY}",
        f"/health/..{POLICY}",
        f"/x/..{POLICY}",
    ],
)
def test_no_other_spelling_leads_to_the_policy(world: ProxiedWorld, path: str) -> None:
    """The pins of rooms are not told to who writes the path in another way."""
    answer = world.visit(STRANGER, world.public, path)
    assert answer.status_code in (400, 403, 404)
    assert "action" not in answer.text


FORGED = {
    "X-Forwarded-For": "192.0.2.66",
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Proto": "http",
    "Forwarded": "for=192.0.2.66;host=evil.test;proto=http",
}


def test_the_clients_address(world: ProxiedWorld) -> None:
    """It is in the log, whatever the client says of itself."""
    path = "/api/client/v2/msexchange_schedulers/4711/meeting_details"
    world.visit(STRANGER, world.public, path, headers=FORGED)
    (line,) = eventually(lambda: world.access_lines(path), "the access line")
    assert line["address"] == STRANGER


def test_guessed_passwords_are_the_clients(world: ProxiedWorld) -> None:
    """A sign-in that is refused counts for who has tried, not for the proxy."""
    answer = world.visit(ADMINISTRATOR, world.private, ADMIN, auth=("admin", "wrong"))
    assert answer.status_code == 401
    refused = f"sign-in refused address={ADMINISTRATOR} administrator=admin"
    eventually(lambda: refused in world.daemon.log.read_text(), "the line")


def test_a_page_of_this_server(world: ProxiedWorld) -> None:
    """Its requests are its own: Host is what the browser has sent."""
    answer = world.visit(
        ADMINISTRATOR,
        world.private,
        "/api/admin/configuration/v1/conference/",
        "POST",
        headers={"Origin": f"https://localhost:{world.private}"},
        auth=("admin", world.password),
        json={},
    )
    assert answer.status_code == 400, answer.text
    other = world.visit(
        ADMINISTRATOR,
        world.private,
        "/api/admin/configuration/v1/conference/",
        "POST",
        headers={"Origin": "https://evil.test", "X-Forwarded-Host": "evil.test"},
        auth=("admin", world.password),
        json={},
    )
    assert other.status_code == 403, other.text


def test_browsers_are_told_to_stay_with_tls(world: ProxiedWorld) -> None:
    """The daemon knows that its client uses TLS."""
    answer = world.visit(STRANGER, world.public, ADDIN, headers=FORGED)
    assert "max-age=" in answer.headers["strict-transport-security"]


@pytest.mark.skipif(
    not NGINX.is_there, reason="nginx is not installed (Debian package nginx-light)"
)
def test_nginx_with_its_defaults(tmp_path: Path) -> None:
    """Host is the upstream's then: the refusal names the header and the line that
    mends it."""
    world = ProxiedWorld(tmp_path, NGINX)
    sample = re.sub(r"(?m)^proxy_set_header (Host|Connection) .*\n", "", world.sample())
    try:
        world.start_daemon()
        world.start_proxy(sample)
        answer = world.visit(
            ADMINISTRATOR,
            world.private,
            "/api/admin/configuration/v1/conference/",
            "POST",
            headers={"Origin": f"https://localhost:{world.private}"},
            auth=("admin", world.password),
            json={},
        )
    finally:
        world.stop()
    assert answer.status_code == 403
    assert "proxy_set_header Host $http_host;" in answer.text
    assert f"https://localhost:{world.private}" in answer.text
    assert "Host here is pexschedd_admin" in answer.text
    assert "proxy_set_header Host $http_host;" in (DEPLOY / NGINX.sample).read_text()


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[ProxiedWorld]:
    """A daemon behind HAProxy, for room systems."""
    if not HAPROXY.is_there:
        pytest.skip("haproxy is not installed (Debian package haproxy)")
    world = ProxiedWorld(tmp_path, HAPROXY)
    try:
        world.start_daemon()
        world.start_proxy()
        yield world
    finally:
        world.stop()
    assert "Traceback" not in world.daemon.log.read_text()


def test_the_proxy_protocol(rooms: ProxiedWorld) -> None:
    """TLS ends at the daemon, which knows the client's address all the same; what the
    client says in headers is not believed."""
    answer = rooms.visit(STRANGER, rooms.rooms, "/v1/meetings", headers=FORGED)
    assert answer.status_code == 401
    (line,) = eventually(lambda: rooms.access_lines("/v1/meetings"), "the line")
    assert line["address"] == STRANGER


def test_the_proxy_protocol_is_for_proxies(rooms: ProxiedWorld) -> None:
    """A trusted address names the client; another one that does is not heard."""
    assert b"401 Unauthorized" in pretend(rooms, "127.0.0.1")
    (line,) = eventually(lambda: rooms.access_lines("/v1/meetings"), "the line")
    assert line["address"] == "192.0.2.66"
    assert pretend(rooms, STRANGER) == b""
    refused = f"not in trusted_proxies address={STRANGER}"
    eventually(lambda: refused in rooms.daemon.log.read_text(), "the warning")


def pretend(rooms: ProxiedWorld, source: str) -> bytes:
    """Connect to the daemon's own port, as a proxy would for 192.0.2.66."""
    context = ssl.create_default_context(cafile=str(rooms.root))
    asked = b"GET /v1/meetings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(
            ("127.0.0.1", rooms.rooms_behind), timeout=10, source_address=(source, 0)
        ) as plain:
            plain.sendall(b"PROXY TCP4 192.0.2.66 127.0.0.1 1 443\r\n")
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(asked)
                return secure.recv(4096)
    except OSError:
        return b""


def test_samples_are_documented() -> None:
    """docs/operations.md names each."""
    text = (ROOT / "docs" / "operations.md").read_text()
    for program in (NGINX, CADDY, HAPROXY):
        assert f"`deploy/{program.sample}`" in text
