"""A support bundle of a real daemon: what helps is in it, and nothing secret is."""

import json
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from pexschedd.config_reader import LARGEST
from pexschedd.tools.exit_status import ExitStatus
from tests import forked
from tests.system.system_support import World

PASSWORD = 'Kn0wn "Secret" & <more> ü'
CLIENT_SECRET = "client~Secret/0123456789"
ENDPOINT = "Endpoint-Passw0rd"
POLICY = "N0des-pass"
COLLECTOR = "c0llector-t0ken"
NEW = "N3w-pass-of-nodes"
IN_PATH = "l0ng-t0ken-in-a-path"
PERSON = "wilhelmina.person@corp.example"
SUBJECT = "Confidential takeover of Acme"
OFFICER = "rosalind.franklin"
CONFIG = json.dumps(
    {"state_dir": "none", "endpoints": {"addin": ["tcp:0"], "admin": ["tcp:0"]}}
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    for name, content in (
        ("policy-password", f"{POLICY}\n# of the nodes\n"),
        ("headers", f"Authorization: Api-Key {COLLECTOR}\nX-Scope-OrgID: 1\n"),
    ):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(content)
    policy = {"username": "node", "password_file": "policy-password"}
    traces = {"url": f"http://127.0.0.1:1/v1/{IN_PATH}", "headers_file": "headers"}
    with World(tmp_path, policy=policy, traces=traces) as world:
        yield world


def fill(world: World) -> list[str]:
    """Puts secrets, subjects and persons into the daemon; returns them all."""
    world.create_integration(
        password=PASSWORD, oauth_client_secret=CLIENT_SECRET, description=PERSON
    )
    role = world.objects("role")[0]["resource_uri"]
    token = world.ask(
        "POST", "configuration/v1/api_token/", {"name": "ci", "role": role}
    ).json()["token"]
    made = world.ask(
        "POST",
        "configuration/v1/administrator/",
        {"name": OFFICER, "password": "Officer-Passw0rd", "role": role},
    )
    assert made.status_code == 201, made.text
    made = world.ask(
        "POST",
        "configuration/v1/conference/",
        {"name": SUBJECT, "service_type": "conference", "pin": "864209"},
    )
    assert made.status_code == 201, made.text
    user = {"primary_email_address": PERSON, "first_name": "Wilhelmina"}
    made = world.ask("POST", "configuration/v1/end_user/", user)
    assert made.status_code == 201, made.text
    log = [
        {"message": f"mailbox refused organizer={PERSON} nodes have {POLICY}"},
        {"message": f"collector {COLLECTOR} {IN_PATH} integration=1"},
        {"message": f"sent Authorization: Bearer {token}"},
        {"message": f"basic {b64encode(f'svc:{PASSWORD}'.encode()).decode()}"},
        {"message": f"quoted {json.dumps(PASSWORD)}", "User": OFFICER},
        {"message": f"said {CLIENT_SECRET} to {ENDPOINT}, and {PASSWORD}"},
        {"message": f"template wrote debug output text={SUBJECT}"},
    ]
    now = "2999-01-01T00:00:00.000+00:00"
    (world.folder / "daemon.log").write_text(
        "".join(json.dumps({"time": now} | line) + "\n" for line in log)
    )
    made = world.ask(
        "POST",
        "configuration/v1/mjx_exchange_deployment/",
        {
            "name": "Rooms",
            "service_account_username": "svc@example.test",
            "service_account_password": ENDPOINT,
            "ews_url": "https://mail.example.test/EWS/Exchange.asmx",
        },
    )
    assert made.status_code == 201, made.text
    return [
        PASSWORD,
        ENDPOINT,
        CLIENT_SECRET,
        POLICY,
        COLLECTOR,
        IN_PATH,
        PERSON,
        SUBJECT,
        OFFICER,
        token,
        world.password,
        "Officer-Passw0rd",
        "864209",
        "Wilhelmina",
        (world.state / "secret.key").read_text().strip(),
        "scrypt",
    ]


def change_settings(world: World) -> None:
    """Leaves secrets out of the configuration file, and names a new one, which the log
    has."""
    (world.folder / "new").touch(0o600)
    (world.folder / "new").write_text(NEW)
    new = {"traces": None, "policy": {"username": "node", "password_file": "new"}}
    config = json.loads(world.config.read_text())
    world.config.write_text(json.dumps(config | new))
    log = world.folder / "daemon.log"
    log.write_text(log.read_text().replace("nodes have", f"nodes have {NEW} or"))


def bundle(world: World, name: str) -> tuple[bytes, dict[str, bytes]]:
    file, log = world.folder / name, world.folder / "daemon.log"
    arguments = ["--config", world.config, "--bundle", file, "--log", log]
    status, out, err = forked.run(
        "pexschedd.tools.check:main", [*map(str, arguments)], cwd=world.folder
    )
    assert status == 0, out + err
    assert file.stat().st_mode & 0o777 == 0o600
    data = file.read_bytes()
    return data, texts_in(data)


def texts_in(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        return {
            member.name.partition("/")[2]: content.read()
            for member in archive
            if (content := archive.extractfile(member)) is not None
        }


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_nothing_secret_is_in_a_bundle(world: World, running: bool) -> None:
    """Known secrets are looked for in every byte, in each way to write them; what is
    left helps: states, findings, versions, and pseudonyms that can be followed."""
    secrets = fill(world)
    if running:  # with settings that are in the file no more, and without new ones
        change_settings(world)
        secrets.append(NEW)
    else:
        world.daemon.stop()
    data, texts = bundle(world, "bundle.tar.gz")
    everything = b"".join([data, *texts.values(), *(n.encode() for n in texts)])
    for secret in secrets:
        for form in (
            secret.encode(),
            json.dumps(secret)[1:-1].encode(),
            json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
            b64encode(secret.encode())[:-4],
        ):
            assert form not in everything, secret
    assert "configuration/conference.json" not in texts
    (integration,) = json.loads(texts["configuration/ms_exchange_connector.json"])
    assert integration["name"] == "Head office"
    assert integration["oauth_client_secret"] in ("(set)", "[removed]")
    assert json.loads(texts["schema.json"])["conference"]["records"] == 1
    assert json.loads(texts["store.json"])["state"] == "writable"
    assert "pexschedd" in json.loads(texts["versions.json"])
    assert b"pexschedd_build_info" in texts["metrics.txt"]
    health = json.loads(texts["health.json"])
    assert {each["name"] for each in health} >= {"store", "disk"}
    (report,) = json.loads(texts["doctor.json"])
    assert len(report["lines"]) > 3
    assert json.loads(texts["configuration_file.json"])["state_dir"] == "state"
    log = [json.loads(line) for line in texts["log.txt"].splitlines()]
    assert len(log) == 6
    assert log[1]["message"].endswith(" integration=1")
    assert "organizer=address-" in log[0]["message"]
    assert log[4]["User"] == "[name]"


def test_a_file_that_is_there_stays(world: World) -> None:
    """No file is written over, and the reason is one line."""
    file = world.folder / "there"
    file.write_text("mine")
    status, _, err = forked.run(
        "pexschedd.tools.check:main",
        ["--config", str(world.config), "--bundle", str(file)],
        cwd=world.folder,
    )
    assert status == ExitStatus.USAGE
    assert err.strip().endswith("there: It is there already; name a new file")
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("config", "reason", "status"),
    [
        ("{", "is not valid JSON", ExitStatus.CONFIG),
        (CONFIG, "/none", ExitStatus.UNAVAILABLE),
    ],
    ids=["wrong file", "no state"],
)
def test_without_a_state(
    config: str, reason: str, status: ExitStatus, tmp_path: Path
) -> None:
    """There is a bundle when it is needed most: with the reason, the log and the
    configuration. What looks like a secret is removed from it."""
    (tmp_path / "config.json").write_text(config)
    line = {"time": "2999-01-01T00:00:00.000+00:00", "message": f"to {PERSON}"}
    (tmp_path / "daemon.log").write_text(json.dumps(line) + "\n")
    arguments = ["--config", "config.json", "--bundle", "b.tar.gz"]
    ended, out, err = forked.run(
        "pexschedd.tools.check:main", [*arguments, "--log", "daemon.log"], cwd=tmp_path
    )
    assert ended == status, err
    assert "Traceback" not in out + err
    assert "without what is in the state" in err
    texts = texts_in((tmp_path / "b.tar.gz").read_bytes())
    assert reason in texts["problem.txt"].decode()
    assert texts["configuration_file.json"].decode() == config
    assert b"to address-1@corp.example" in texts["log.txt"]
    assert "versions.json" in texts


def test_secrets_in_files_without_a_state(tmp_path: Path) -> None:
    """Those that the configuration names are known without it."""
    policy = {"username": "node", "password_file": "node"}
    config = json.dumps(json.loads(CONFIG) | {"policy": policy})
    log = f"2999-01-01T00:00:00+00:00 a node has sent {POLICY}\n"
    for name, content in (("node", POLICY), ("config.json", config), ("log", log)):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(content)
    arguments = ["--config", "config.json", "--bundle", "b.tar.gz", "--log", "log"]
    ended, _, err = forked.run("pexschedd.tools.check:main", arguments, cwd=tmp_path)
    assert ended == ExitStatus.UNAVAILABLE, err
    for text in texts_in((tmp_path / "b.tar.gz").read_bytes()).values():
        assert POLICY.encode() not in text


BROKEN = """{
 "state_dir": "state", "lgo": {"level": "m1splaced"},
 "endpoints": {"addin": ["tcp:0"], "admin": ["tcp:0"], "policy": ["tcp:0"]},
 "key_file": "key",
 "initial_admin_password_file": "first",
 "policy": {"username": "a:b", "password_file": "node"},
 "proxy": {"url": "http://px:p@ss/m1splaced@proxy.example", "password_file": "proxy"},
 "traces": {"url": "http://c.example/m1splaced-l0ng-t0ken/x?a=m1splaced",
            "headers_file": "headers"},
 "password": "m1splaced", "pwd": "m1splaced", "passwords": ["m1splaced"],
 "X-Api-Key": "m1splaced", "pin": 135792468, "smtp": {"url": "m1splaced"}
"""
FILES = {
    "key": "K3y-of-the-store",
    "first": "F1rst-password",
    "proxy": "\ufeffPr0xy-password",
    "headers": "no header\nAuthorization: Basic dXNlcjpDMGxsZWN0b3I=\n"
    "X-Key: k9z\nX-T: ab12",
    "state/secret.key": "0ther-key-of-store",
    "state/initial-admin-password": "F1rst-of-all",
}
LOGGED = (
    *("K3y-of-the-store", "F1rst-password", "Pr0xy-password", "dXNlcjpDMGxsZWN0b3I="),
    *("C0llector", "k9z", "ab12", "0ther-key-of-store", "F1rst-of-all"),
    "m1splaced-l0ng-t0ken",
)


@pytest.mark.parametrize("end", ["}", ', "state_dir": "state"}', ""])
def test_a_broken_configuration(end: str, tmp_path: Path) -> None:
    """It costs no knowledge of secrets: each file that it names is read, but for those
    that cannot be. Of the file itself is shown what is known to be no secret."""
    (tmp_path / "state").mkdir()
    (tmp_path / "node").mkdir()
    for name, content in FILES.items():
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(content)
    (tmp_path / "config.json").write_text(BROKEN + end)
    log = "2999-01-01T00:00:00+00:00 status=401 said {} at last\n"
    (tmp_path / "log").write_text("".join(log.format(each) for each in LOGGED))
    arguments = ["--config", "config.json", "--bundle", "b.tar.gz", "--log", "log"]
    ended, _, err = forked.run("pexschedd.tools.check:main", arguments, cwd=tmp_path)
    assert ended == ExitStatus.CONFIG, err
    assert "in any of its files" in err
    texts = texts_in((tmp_path / "b.tar.gz").read_bytes())
    assert texts["log.txt"].decode() == log.format("[removed]") * len(LOGGED)
    shown = texts["configuration_file.json"].decode()
    assert "m1splaced" not in shown
    assert "135792468" not in shown
    for helps in (
        *(
            '"state_dir": "state"',
            '"lgo": {"level": "[removed]"}',
            '"addin": ["tcp:0"]',
        ),
        *('"policy": ["tcp:0"]', '"username": "[removed]"', '"password_file": "proxy"'),
        *('"url": "[removed]"', '"passwords": ["[removed]"]'),
        '"[removed]": {"url": "[removed]"}',
    ):
        assert helps in shown


def test_a_password_in_the_place_of_its_file(tmp_path: Path) -> None:
    """It is in no text, as a file of that name is not there; a path stays."""
    policy = {"username": "node", "password_file": POLICY}
    proxy = {
        "url": "http://p.example",
        "username": "p",
        "password_file": "/etc/not/there",
    }
    config = json.loads(CONFIG) | {"policy": policy, "proxy": proxy}
    (tmp_path / "config.json").write_text(json.dumps(config | {"key_file": "key"}))
    (tmp_path / "key").touch(0o600)
    arguments = ["--config", "config.json", "--bundle", "b.tar.gz"]
    forked.run("pexschedd.tools.check:main", arguments, cwd=tmp_path)
    texts = texts_in((tmp_path / "b.tar.gz").read_bytes())
    assert all(POLICY.encode() not in text for text in texts.values())
    shown = json.loads(texts["configuration_file.json"])
    assert shown["policy"] == {"username": "node", "password_file": "[removed]"}
    assert (shown["proxy"], shown["key_file"]) == (proxy, "key")


def test_too_large_a_configuration(tmp_path: Path) -> None:
    """Secrets behind what is read of it would not be known: there is no bundle."""
    (tmp_path / "config.json").write_text(" " * LARGEST + CONFIG)
    arguments = ["--config", "config.json", "--bundle", "b.tar.gz"]
    ended, out, err = forked.run("pexschedd.tools.check:main", arguments, cwd=tmp_path)
    assert ended == ExitStatus.CONFIG, out + err
    assert "config.json" in err
    assert "is larger than 1 MiB" in err
    assert [each.name for each in tmp_path.iterdir()] == ["config.json"]


def test_no_bundle(tmp_path: Path) -> None:
    """Without a folder for it there is none, and no file is left."""
    (tmp_path / "config.json").write_text(CONFIG)
    arguments = ["--config", "config.json", "--bundle", "none/bundle.tar.gz"]
    ended, out, err = forked.run("pexschedd.tools.check:main", arguments, cwd=tmp_path)
    assert ended == ExitStatus.USAGE, err
    assert "Traceback" not in out + err
    assert [each.name for each in tmp_path.iterdir()] == ["config.json"]
