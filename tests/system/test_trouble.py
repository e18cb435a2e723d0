"""When something is wrong, the person who can mend it reads what and where."""

import ipaddress
import json
import os
import signal
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pexschedd.tools.exit_status import ExitStatus
from tests import forked
from tests.ports import free_ports
from tests.system.organizer_support import organizer
from tests.system.system_support import (
    ALICE,
    ROOT,
    Twistd,
    World,
    eventually,
)

CONNECTORS = "configuration/v1/ms_exchange_connector/"


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all tests that refuse something: each has to find it without any
    integration, and to leave it so."""
    with World(tmp_path_factory.mktemp("unchanged")) as world:
        yield world


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world with an integration that nothing is wrong with."""
    with World(tmp_path_factory.mktemp("working")) as world:
        world.create_integration()
        yield world


def alarm(world: World, *says: str) -> str:
    """Waits for one alarm that says all this."""

    def find() -> str:
        return next(
            (a for a in world.alarms() if all(s.lower() in a.lower() for s in says)), ""
        )

    try:
        return eventually(find, f"an alarm with {says}")
    except AssertionError:
        raise AssertionError(f"no alarm says {says}: {world.alarms()}") from None


def test_wrong_password_is_an_alarm_until_it_is_right(world: World) -> None:
    """The alarm names account and server; the right password ends it at once."""
    uri = world.create_integration(password="wrong")
    alarm(world, "svc@example.test", "127.0.0.1", "password")
    answer = world.ask("PATCH", uri.removeprefix("/api/admin/"), {"password": "svc"})
    assert answer.status_code == 202, answer.text
    eventually(lambda: not world.alarms(), "the alarm's end")
    assert "svc" not in world.daemon.log.read_text().replace("svc@example.test", "")


def test_wrong_url_is_an_alarm(world: World) -> None:
    """A URL without Exchange behind it is said to be that."""
    world.create_integration(url=f"{world.exchange}/ews/wrong.asmx")
    alarm(world, "/ews/wrong.asmx", "404")


def test_unreachable_server_is_an_alarm(world: World) -> None:
    """Nothing listens: the alarm says so and names the address."""
    port = free_ports()
    world.create_integration(url=f"http://127.0.0.1:{port}/EWS/Exchange.asmx")
    alarm(world, f"127.0.0.1:{port}", "refuses connections")


def test_missing_impersonation_names_the_role(world: World) -> None:
    """An account that may not impersonate: the alarm names the role to assign."""
    world.create_integration(username="bob@example.test", password="bob")
    alarm(world, "ApplicationImpersonation", "pexipmeeting@example.test")


def self_signed(name: str) -> bytes:
    """A key and a certificate for 127.0.0.1, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[int]:
    """A TLS server whose certificate nobody vouches for; gives its port."""
    pem = tmp_path / "server.pem"
    pem.write_bytes(self_signed("mail.example.test"))
    port = free_ports()
    server = Twistd(
        tmp_path,
        "web",
        "--path",
        str(tmp_path),
        "--listen",
        f"ssl:{port}:interface=127.0.0.1:privateKey={pem}",
    )
    server.start()

    def listens() -> bool:
        try:
            ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
        except OSError:
            return False
        return True

    eventually(listens, "the TLS server")
    yield port
    server.stop()


def test_untrusted_certificate_is_an_alarm(world: World, untrusted: int) -> None:
    """An untrusted server gets no password, and the alarm says which certificate."""
    world.create_integration(url=f"https://127.0.0.1:{untrusted}/EWS/Exchange.asmx")
    alarm(world, "certificate", "mail.example.test", "ca_file")


TOKENS: list[tuple[str, dict[str, Any], str]] = [
    ("expired", {"lifetime_s": -3600}, "not valid after"),
    (
        "other audience",
        {"audience": "https://elsewhere.test/addin"},
        "is not meant for",
    ),
]


@pytest.mark.parametrize(
    ("claims", "says"), [t[1:] for t in TOKENS], ids=[t[0] for t in TOKENS]
)
def test_bad_tokens_are_refused_in_words(
    working: World, claims: dict[str, Any], says: str
) -> None:
    """The pane gets a reason that it can show, and no alias is used up."""
    answer = working.meeting_details(working.token(**claims))
    assert answer.status_code == 401
    problem = answer.json()
    assert problem["status"] == "error"
    assert says in problem["message"]
    assert problem["correlation_id"]
    assert working.objects("scheduled_alias") == []


def test_garbage_token_is_refused(working: World) -> None:
    """Garbage is an invalid token, not a server error."""
    assert working.meeting_details("garbage").status_code == 401
    assert working.meeting_details("a.b.c").json()["code"] == "invalid_token"


FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"colour": "red"}, "colour", ""),
    ({"meeting_buffer_before": 181}, "meeting_buffer_before", "180"),
    ({"url": "http://mail.example.test/EWS/Exchange.asmx"}, "url", "https"),
    (
        {"meeting_instructions_template": "{{alias}} {% if %}{{alias_uuid}}"},
        "meeting_instructions_template",
        "line 1",
    ),
    (
        {"meeting_instructions_template": "{{alias}}"},
        "meeting_instructions_template",
        "alias_uuid",
    ),
    (
        {"conference_name_template": "a\nb {{organiser}}"},
        "conference_name_template",
        "line 2",
    ),
]


@pytest.mark.parametrize(("fields", "field", "says"), FIELDS)
def test_wrong_fields_are_named(
    unchanged: World, fields: dict[str, Any], field: str, says: str
) -> None:
    """The answer names the field and what is wrong; nothing is created."""
    answer = unchanged.ask("POST", CONNECTORS, unchanged.integration(**fields))
    assert answer.status_code == 400
    problems = answer.json()["ms_exchange_connector"]
    assert list(problems) == [field]
    assert says in " ".join(problems[field])
    assert unchanged.objects("ms_exchange_connector") == []


def test_trouble_loses_nothing(world: World) -> None:
    """A request that meets an Exchange in trouble is answered once, in the end."""
    world.create_integration()
    details = world.meeting_details(world.token()).json()["result"]
    world.daemon.stop()
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    with organizer(world.exchange, ALICE) as alice:
        alice.invite(
            "Plans", start, start + timedelta(hours=1), details["instructions"]
        )
        world.behave(
            faults=[
                {"operation": "SyncFolderItems", "kind": "garbage", "times": 1},
                {"operation": "GetItem", "kind": "http-503", "times": 1},
                {"operation": "CreateItem", "kind": "reset", "times": 1},
            ]
        )
        world.start_daemon()
        eventually(lambda: world.alarms(), "an alarm while it lasts")
        world.behave(faults=[])
        eventually(lambda: alice.answers(), "the answer")
        eventually(lambda: not world.alarms(), "the alarm's end")
        ((_, text),) = alice.answers()
    assert "successfully scheduled" in text


def run_twistd(*arguments: str) -> tuple[int, str]:
    """The exit status of a twistd that ends by itself, and what it says."""
    status, output, errors = forked.run(forked.TWISTD, arguments, cwd=ROOT)
    return status, output + errors


def test_check_config_says_every_error(tmp_path: Path) -> None:
    """`--check-config` prints every problem and exits with 78."""
    config = tmp_path / "config.json"
    config.write_text('{"state_dir": 7, "colour": "red"}')
    status, said = run_twistd("pexschedd", "--config", str(config), "--check-config")
    assert status == ExitStatus.CONFIG
    assert "Usage:" not in said
    assert "state_dir" in said
    assert "colour is not a known key" in said
    assert "endpoints" in said
    assert "Traceback" not in said
    assert not (tmp_path / "state").exists()


def test_check_config_tries_what_it_can(tmp_path: Path) -> None:
    """Endpoints that Twisted cannot read and a CA file without certificates, beside
    what is wrong with the file's shape."""
    (tmp_path / "ca.pem").write_text("no certificate")
    config = tmp_path / "config.json"
    no_pem = f"ssl:443:privateKey={tmp_path}/ca.pem"
    wrong_ports = (
        "tcp:port=99999:interface=::1",
        "tcp:interface=127.0.0.1:port=65536",
        "tcp:-1",
        "haproxy:tcp:65536",
        f"tcp:{'9' * 5000}",
    )
    folder_of_certificates = "tls:70000"
    none_of_systemd = f"systemd:domain=INET:index=0:privateKey={tmp_path}/ca.pem"
    endpoints = {
        "addin": ["tpc:8080", *wrong_ports, folder_of_certificates, none_of_systemd],
        "admin": ["ssl:443:privateKey=none.pem", no_pem],
    }
    config.write_text(
        json.dumps({"state_dir": 7, "endpoints": endpoints, "ca_file": "ca.pem"})
    )
    status, said = run_twistd("pexschedd", "--config", str(config), "--check-config")
    assert status == ExitStatus.CONFIG
    for place in ("state_dir", "endpoints.addin[0]", "endpoints.admin[0]", "ca_file"):
        assert place in said
    assert "endpoints.admin[1]" in said
    for number, endpoint in enumerate(wrong_ports, 1):
        assert f"endpoints.addin[{number}]: {endpoint!r}: a port is" in said
    assert f"{folder_of_certificates!r}: the ciphers of tls: endpoints" in said
    assert f"{folder_of_certificates!r}: a port is" not in said
    assert f"{none_of_systemd!r}: the key or the certificate cannot be read" in said
    assert "the key or the certificate cannot be read as PEM" in said
    assert "Traceback" not in said


def test_sockets_of_systemd_do_not_fail_the_check(tmp_path: Path) -> None:
    """Only the service gets them: the check says so and passes, and the start fails."""
    config = tmp_path / "config.json"
    endpoint = "systemd:domain=INET6:name=addin"
    endpoints = {"addin": [endpoint], "admin": ["tcp:0:interface=127.0.0.1"]}
    config.write_text(json.dumps({"state_dir": "state", "endpoints": endpoints}))
    arguments = "pexschedd", "--config", str(config)
    status, said = run_twistd(*arguments, "--check-config")
    assert status == ExitStatus.DONE
    assert f"endpoints.addin[0]: {endpoint!r}: whether systemd passes" in said
    assert said.endswith(f"{config} is in order.\n")
    status, said = run_twistd("-n", *arguments)
    assert status == ExitStatus.CONFIG
    assert f"{endpoint!r}: systemd has not passed such a socket" in said


def test_the_background_is_refused(tmp_path: Path) -> None:
    """Without -n nothing is begun, and the way to start it is said: a fork would leave
    the store's thread behind."""
    config = tmp_path / "config.json"
    endpoints = {side: ["tcp:0:interface=127.0.0.1"] for side in ("addin", "admin")}
    config.write_text(json.dumps({"state_dir": "state", "endpoints": endpoints}))
    pid_file = tmp_path / "twistd.pid"
    status, said = run_twistd(
        f"--pidfile={pid_file}", "pexschedd", "--config", str(config)
    )
    if pid_file.exists():  # it has gone into the background after all
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
    assert status == ExitStatus.USAGE
    assert "twistd -n pexschedd" in said
    assert not (tmp_path / "state").exists()


def test_taken_port_ends_the_process_in_words(unchanged: World) -> None:
    """A port in use: a sentence in the log and an exit status for the supervisor."""
    other = unchanged.folder / "other.json"
    text = unchanged.config.read_text().replace('"state"', '"other-state"')
    other.write_text(text)
    second = Twistd(unchanged.folder / "state", "pexschedd", "--config", str(other))
    second.start()
    assert second.ended() == 1
    assert "cannot listen on endpoints.addin[0]" in second.log.read_text()


def test_one_process_for_one_state_folder(unchanged: World) -> None:
    """A second daemon on the same state folder says who has it, and ends."""
    second = Twistd(
        unchanged.folder / "state", "pexschedd", "--config", str(unchanged.config)
    )
    second.start()
    assert second.ended() == ExitStatus.UNAVAILABLE
    assert "pexschedd cannot start" in second.log.read_text()
    assert "Traceback" not in second.log.read_text()
