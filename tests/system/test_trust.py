"""A daemon and an Exchange that speak TLS: whom it believes is a matter of a minute."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net.net_support import Authority, dns
from tests.system.system_support import World, eventually
from tests.system.trust_support import alarm_names, secure_sandbox


@pytest.fixture
def authority() -> Authority:
    return Authority("Example internal root")


@pytest.fixture
def secure(world: World, tmp_path: Path, authority: Authority) -> Iterator[str]:
    """The address of a second sandbox, which speaks TLS."""
    server = authority.server(dns("localhost"))
    with secure_sandbox(tmp_path / "secure", server) as port:
        yield f"https://localhost:{port}"


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
    assert "has to upload the certificate of its authority" in texts  # the metadata's

    path = "configuration/v1/ca_certificate/"
    answer = world.ask("POST", path, {"certificate": authority.pem.decode()})
    assert answer.status_code == 201, answer.text
    eventually(lambda: alarm_names(world) == EXPIRES, "trust")

    location = answer.headers["Location"].removeprefix("/api/admin/")
    assert world.ask("DELETE", location).status_code == 204
    eventually(lambda: CERTIFICATE in alarm_names(world), "mistrust")
