"""From configuration and store to the way out."""

from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.task import Clock
from twisted.web.client import URI

from pexschedd.clock import system_now
from pexschedd.composition.connections import Connections
from pexschedd.composition.network import (
    UploadedCertificates,
    is_reached_directly,
    make_network,
)
from pexschedd.config import Config
from pexschedd.errors import ConfigError
from pexschedd.model import tables
from pexschedd.model.ca_certificate import CaCertificate, filled_in
from pexschedd.model.integration.connector import ExchangeDomain
from pexschedd.net.network import Network
from pexschedd.net.proxy import Proxy
from pexschedd.net.tls import Trust
from pexschedd.supervision.network_settings import reread_authorities, reread_proxy
from tests.net.net_support import Authority
from tests.scheduling.process_support import CONNECTOR
from tests.web_admin.web_admin_support import open_store

PROXY = Proxy(secure=False, host="p.test", port=3128, username="me")


def config(folder: Path, **values: Any) -> Config:
    usual: dict[str, Any] = {
        "state_dir": folder / "state",
        "addin_endpoints": ("tcp:0",),
        "admin_endpoints": ("tcp:0",),
    }
    return Config(**usual | values)


def test_the_plainest(tmp_path: Path) -> None:
    """Without settings: the system's roots, and no proxy."""
    network = make_network(config(tmp_path), Clock(), system_now)
    assert (network.proxy, network.trust.given) == (None, [])


def test_everything(tmp_path: Path) -> None:
    """The files are read: certificates, and the first line of the password's."""
    (tmp_path / "ca.pem").write_bytes(Authority("Root").pem)
    (tmp_path / "password").write_text("geheim\nsecond line\n")
    network = make_network(
        config(
            tmp_path,
            ca_file=tmp_path / "ca.pem",
            proxy=PROXY,
            proxy_password_file=tmp_path / "password",
        ),
        Clock(),
        system_now,
    )
    assert [each.subject for each in network.trust.given] == ["CN=Root"]
    assert network.proxy == replace(PROXY, password="geheim")


def test_every_wrong_file(tmp_path: Path) -> None:
    """What cannot be used is said of all files at once."""
    for name in ("ca.pem", "password"):
        (tmp_path / name).write_text("\n")
    with pytest.raises(ConfigError) as caught:
        make_network(
            config(
                tmp_path,
                ca_file=tmp_path / "ca.pem",
                proxy=PROXY,
                proxy_password_file=tmp_path / "password",
            ),
            Clock(),
            system_now,
        )
    ca, password = caught.value.problems
    assert ca.startswith("ca_file: ")
    assert "it holds no PEM certificate" in ca
    assert password.startswith("proxy.password_file: ")
    assert "no password in its first line" in password


def test_files_that_change(tmp_path: Path) -> None:
    """The authorities and the proxy's password are read again; what cannot be used
    changes nothing."""
    ca, password = tmp_path / "ca.pem", tmp_path / "password"
    ca.write_bytes(Authority("Old").pem)
    password.write_text("old")
    settings = config(tmp_path, ca_file=ca, proxy=PROXY, proxy_password_file=password)
    network = make_network(settings, Clock(), system_now)
    through = network.unverified()
    assert not reread_authorities(network, settings)
    assert not reread_proxy(network, settings)
    ca.write_bytes(Authority("New").pem)
    password.write_text("new")
    assert reread_authorities(network, settings)
    assert reread_proxy(network, settings)
    assert [each.subject for each in network.trust.given] == ["CN=New"]
    assert through.proxy == replace(PROXY, password="new")
    assert network.direct().proxy is None
    ca.write_text("nothing")
    password.write_text("")
    with pytest.raises(ConfigError):
        reread_authorities(network, settings)
    with pytest.raises(ValueError, match="no password"):
        reread_proxy(network, settings)
    assert [each.subject for each in network.trust.given] == ["CN=New"]
    assert network.proxy == replace(PROXY, password="new")
    assert reread_authorities(network, config(tmp_path))
    assert reread_proxy(network, config(tmp_path))
    assert network.trust.given == []
    assert network.proxy is None


def test_uploads_stay_when_the_file_changes(tmp_path: Path) -> None:
    """What administrators have uploaded is trusted beside every `ca_file`."""
    trust, uploaded, given = Trust(), Authority("Uploaded"), Authority("Given")
    trust.replace([("one", uploaded.pem)])
    assert trust.give([("file", given.pem)])
    assert set(trust.pem().split(b"-----BEGIN")[1:]) == {
        each.pem.split(b"-----BEGIN")[1] for each in (uploaded, given)
    }


@pytest_twisted.ensureDeferred
async def test_uploads(tmp_path: Path) -> None:
    """Trust follows the stored certificates, once for a change of many."""
    store, clock = open_store(tmp_path / "state"), Clock()
    changes: list[str] = []

    class Noting(Trust):
        def replace(self, authorities: Any) -> None:
            authorities = list(authorities)
            changes.append(" ".join(source for source, _ in authorities))
            super().replace(authorities)

    said: list[int] = []
    UploadedCertificates(store, Noting(), clock, lambda: said.append(len(changes)))
    assert (changes, said) == ([""], [])
    change = store.transaction()
    for name in ("One", "Two"):
        text = Authority(name).pem.decode()
        id_ = change.new_id(tables.CA_CERTIFICATE)
        record = filled_in(CaCertificate(id=id_, certificate=text))
        change.put(tables.CA_CERTIFICATE, record)
    change.commit()
    clock.advance(0)
    assert changes == ["", "ca_certificate 1 ca_certificate 2"]
    assert said == [2]
    assert clock.getDelayedCalls() == []
    await store.close()


@pytest_twisted.ensureDeferred
async def test_integrations_without_proxy(tmp_path: Path) -> None:
    """`disable_proxy` holds for an integration's mailbox and its metadata."""
    store = open_store(tmp_path / "state")
    direct = replace(CONNECTOR, id=2, name="Direct", uuid="d", disable_proxy=True)
    change = store.transaction()
    for number, connector in enumerate((CONNECTOR, direct), 1):
        change.put(tables.CONNECTOR, connector)
        for id_, domain in (
            (number, f"mail{number}.test:444"),
            (number + 2, f"https://Url{number}.test/m"),
        ):
            record = ExchangeDomain(id=id_, exchange_connector=number, domain=domain)
            change.put(tables.EXCHANGE_DOMAIN, record)
    await change.commit()
    is_direct = is_reached_directly(store)
    hosts = ("mail1.test", "mail2.test", "url1.test", "url2.test", "other.test")
    found = [h for h in hosts if is_direct(URI.fromBytes(f"https://{h}/x".encode()))]
    assert found == ["mail2.test", "url2.test"]
    network = Network(Clock(), Trust(), PROXY)
    connections = Connections(store.vault, network, graph=cast(Any, None))
    assert connections._account(CONNECTOR).network.proxy is PROXY
    assert connections._account(direct).network.proxy is None
    await store.close()
