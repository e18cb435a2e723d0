"""Accounts from a file, and where the sandbox may listen."""

import http.client
import json
import re
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from twisted.python.usage import UsageError

from pexschedd.sandbox import Processing, default_accounts
from pexschedd.sandbox.mailboxes.accounts import (
    AccountsError,
    check_accounts,
    read_accounts,
)
from pexschedd.sandbox.tap import SandboxOptions, check_loopback, makeService
from tests.sandbox.signin_support import Pem


def test_the_default_accounts_are_sound() -> None:
    """The password is the local part; the equipment has none; svc may be anybody."""
    accounts = {account.address: account for account in default_accounts()}
    check_accounts(list(accounts.values()))
    for name in ("alice", "bob", "svc", "room1"):
        assert accounts[f"{name}@example.test"].password == name
    equipment = accounts["pexipmeeting@example.test"]
    assert equipment.password is None
    assert equipment.processing is Processing.NONE
    assert accounts["svc@example.test"].may_impersonate("anybody@example.test")
    assert not accounts["alice@example.test"].may_impersonate("bob@example.test")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "truncated"),
        (b"{}", "array"),
        (b"[]", "at least one"),
        (b'[{"name": "x"}]', "address"),
        (b'[{"address": "x"}]', r"\$\[0\].*no mail address"),
        (b'[{"address": "a@b", "nmae": "x"}]', "nmae"),
        (b'[{"address": "a@b", "processing": "magic"}]', "magic"),
        (b'[{"address": "a@b"}, {"address": "A@B"}]', "twice"),
        (b'[{"address": "a@b", "impersonates": ["c@d"]}]', r"impersonates.*c@d"),
        (b'[{"address": "a@b", "open_to": ["*"]}]', "open_to"),
    ],
)
def test_a_wrong_file_says_where(content: bytes, says: str) -> None:
    """Each mistake is named."""
    with pytest.raises(AccountsError, match=f"(?i){says}"):
        read_accounts(content)


def test_a_good_file_is_read() -> None:
    """All fields, and their defaults."""
    document: list[dict[str, Any]] = [
        {"address": "a@b", "password": "x", "aliases": ["c@b"], "open_to": ["d@b"]},
        {"address": "d@b", "impersonates": ["*"]},
    ]
    first, second = read_accounts(json.dumps(document).encode())
    assert first.is_open_to("D@B")
    assert second.password is None
    assert second.processing is Processing.AUTO_UPDATE


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp:8082:interface=127.0.0.1",
        "tcp:8082:interface=127.9.9.9",
        r"tcp6:8082:interface=\:\:1",
        "ssl:8082:interface=127.0.0.1:privateKey=k.pem",
        "unix:/tmp/sandbox.sock",
    ],
)
def test_loopback_is_allowed(endpoint: str) -> None:
    """Whatever only this machine can reach."""
    check_loopback(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp:8082",
        "tcp:8082:interface=0.0.0.0",
        "tcp:8082:interface=192.0.2.1",
        r"tcp6:8082:interface=\:\:",
        "tcp:8082:interface=localhost",
        "",
    ],
)
def test_other_addresses_are_refused(endpoint: str) -> None:
    """Everything else, and the message says what to write."""
    with pytest.raises(ValueError, match="loopback"):
        check_loopback(endpoint)


def twistd(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            str(Path(sys.executable).with_name("twistd")),
            *("-n", "--pidfile=", "exchangesandbox"),
            *arguments,
        ],
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_twistd_runs_it() -> None:
    """The command of the manual starts a server that answers, and ends at a signal."""
    with twistd("--listen", "tcp:0:interface=127.0.0.1") as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"starting on (\d+)", line):
                    break
            else:
                pytest.fail("it did not start")
            url = f"http://127.0.0.1:{found[1]}/autodiscover/metadata/json/1"
            with urllib.request.urlopen(url) as answer:
                assert json.load(answer)["keys"]
        finally:
            process.terminate()
        rest = process.stdout.read()
    assert "Server Shut Down" in rest
    assert "Traceback" not in rest


def test_twistd_with_tls_and_ntlm(tmp_path: Path) -> None:
    """The same behind TLS, offering what it was told to."""
    pem = Pem()
    file = tmp_path / "server.pem"
    file.write_bytes(pem.text)
    endpoint = f"ssl:0:interface=127.0.0.1:privateKey={file}:certKey={file}"
    with twistd("--listen", endpoint, "--sign-in", "Negotiate,NTLM") as process:
        assert process.stdout is not None
        try:
            found = next(
                match
                for line in process.stdout
                if (match := re.search(r"starting on (\d+)", line))
            )
            trust = ssl.create_default_context(cadata=pem.certificate_pem.decode())
            client = http.client.HTTPSConnection(
                "localhost", int(found[1]), context=trust, timeout=10
            )
            client.request("POST", "/EWS/Exchange.asmx")
            answer = client.getresponse()
            offered = answer.headers.get_all("www-authenticate")
            assert (answer.status, offered) == (401, ["Negotiate", "NTLM"])
            client.close()
        finally:
            process.terminate()
        rest = process.stdout.read()
    assert "Traceback" not in rest


def test_twistd_refuses_the_world() -> None:
    """It does not even start on an address that others can reach."""
    with twistd("--listen", "tcp:0:interface=0.0.0.0") as process:
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "loopback only" in output


def test_options(tmp_path: Path) -> None:
    """The command line is checked before anything starts."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('[{"address": "a@b", "password": "x"}]')
    bad.write_text("[]")
    options = SandboxOptions()
    options.parseOptions(
        ["--listen", "tcp:0:interface=127.0.0.1", "--accounts", str(good)]
    )
    assert makeService(options) is not None
    options = SandboxOptions()
    options.parseOptions(["--sign-in", "NTLM,Basic", "--channel-binding", "required"])
    assert options["sign_in_read"].methods == ("NTLM", "Basic")
    for arguments in (
        ["--sign-in", "Digest"],
        ["--channel-binding", "perhaps"],
        ["--listen", "tcp:0"],
        ["--listen", "nonsense:0:interface=127.0.0.1"],
        ["--accounts", str(bad)],
        ["--accounts", str(tmp_path / "missing.json")],
        ["--webhook-ca", str(bad)],
        ["--webhook-ca", str(tmp_path / "missing.pem")],
    ):
        with pytest.raises(UsageError):
            SandboxOptions().parseOptions(arguments)
