"""A daemon and an Exchange that speak TLS: whom it believes is a matter of a minute."""

import socket
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.net.net_support import Authority, Server, dns
from tests.ports import free_ports
from tests.system.system_support import Twistd, World, eventually


def keep(folder: Path, server: Server) -> tuple[Path, Path]:
    """The key and the certificate, as files."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.write_bytes(
        server.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate.write_bytes(server.certificate.public_bytes(serialization.Encoding.PEM))
    return key, certificate


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def authority() -> Authority:
    return Authority("Example internal root")


@pytest.fixture
def secure(world: World, tmp_path: Path, authority: Authority) -> Any:
    """The address of a second sandbox, which speaks TLS."""
    port = free_ports(1)
    (folder := tmp_path / "secure").mkdir()
    key, certificate = keep(folder, authority.server(dns("localhost")))
    sandbox = Twistd(
        folder,
        "exchangesandbox",
        "--listen",
        f"ssl:{port}:interface=127.0.0.1:privateKey={key}:certKey={certificate}",
    )
    sandbox.start()
    eventually(lambda: listens(port), "the sandbox")
    yield f"https://localhost:{port}"
    sandbox.stop()


def alarm_names(world: World) -> set[str]:
    return {alarm["name"] for alarm in world.objects("alarm", "status")}


CERTIFICATE = "scheduling_exchange_certificate"
METADATA = "scheduling_exchange_metadata"
EXPIRES = {
    "scheduling_ca_certificate_expires",
    "scheduling_exchange_certificate_expires",
}
"""The test's certificates live for ten days."""


def test_upload_and_delete(world: World, secure: str, authority: Authority) -> None:
    """An uploaded authority opens the way at once, and its deletion closes it."""
    world.create_integration(
        url=f"{secure}/EWS/Exchange.asmx",
        domains=[{"domain": f"{secure}/autodiscover/metadata/json/1"}],
    )
    eventually(lambda: {CERTIFICATE, METADATA} <= alarm_names(world), "the alarms")
    texts = " ".join(world.alarms())
    assert 'issued by "CN=Example internal root"' in texts
    assert "Upload the certificate of the authority" in texts

    path = "configuration/v1/ca_certificate/"
    answer = world.ask("POST", path, {"certificate": authority.pem.decode()})
    assert answer.status_code == 201, answer.text
    eventually(lambda: alarm_names(world) == EXPIRES, "trust")

    location = answer.headers["Location"].removeprefix("/api/admin/")
    assert world.ask("DELETE", location).status_code == 204
    eventually(lambda: CERTIFICATE in alarm_names(world), "mistrust")
