"""A sandbox Exchange that speaks TLS, and what is said about it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tests.net.net_support import Server
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
    key.chmod(0o600)
    certificate.write_bytes(server.certificate.public_bytes(serialization.Encoding.PEM))
    return key, certificate


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def secure_sandbox(folder: Path, server: Server) -> Iterator[int]:
    """Runs one with the server's certificate; its port."""
    port = free_ports(1)
    folder.mkdir()
    key, certificate = keep(folder, server)
    sandbox = Twistd(
        folder,
        "exchangesandbox",
        "--listen",
        f"ssl:{port}:interface=127.0.0.1:privateKey={key}:certKey={certificate}",
    )
    sandbox.start()
    try:
        eventually(lambda: listens(port), "the sandbox")
        yield port
    finally:
        sandbox.stop()


def alarm_names(world: World) -> set[str]:
    return {alarm["name"] for alarm in world.objects("alarm", "status")}
