"""The audit log of the real daemon: sign-ins and changes, with nothing secret, and
nothing missing after it was killed."""

import json
import signal
from pathlib import Path
from typing import Any

import requests

from tests.system.system_support import World, eventually

SECRET = "Kn0wn-Secret-Of-The-Service-Account"
CONNECTOR = "configuration/v1/ms_exchange_connector/1/"


def lines(world: World, name: str) -> list[dict[str, Any]]:
    path = world.state / "audit" / name
    return [json.loads(line) for line in path.read_text().splitlines()]


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_changes_and_sign_ins_are_kept(world: World) -> None:
    """Who has changed what; good, bad and refused sign-ins; tokens that were made and
    revoked. Killed right after a change, the daemon writes it at the next start."""
    world.create_integration(password=SECRET)
    role = world.objects("role")[0]["resource_uri"]
    made = world.ask(
        "POST", "configuration/v1/api_token/", {"name": "ci", "role": role}
    )
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    url = f"{world.admin}/api/admin/configuration/v1/"
    bearer = {"Authorization": f"Bearer {token}"}
    assert requests.get(url, headers=bearer, timeout=10).ok
    wrong = requests.get(url, auth=("admin", "wr0ng-passw0rd"), timeout=10)
    assert wrong.status_code == 401
    locked = requests.get(url, auth=("admin", "wr0ng-again"), timeout=10)
    assert locked.status_code in (401, 429)
    assert world.ask("DELETE", "configuration/v1/api_token/1/").ok
    world.ask("PATCH", CONNECTOR, {"password": f"{SECRET}-2", "name": "Branch"})
    world.daemon.stop(signal.SIGKILL)

    world.start_daemon()
    done = eventually(
        lambda: [
            (each["administrator"], each["action"], each["resource"])
            for each in lines(world, "changes.jsonl")
            if each["administrator"] == "admin"
        ][-4:],
        "the audit log",
    )
    eventually(lambda: len(lines(world, "changes.jsonl")) >= 4, "all changes")
    assert ("admin", "created", "api_token") in done
    assert ("admin", "deleted", "api_token") in done
    assert done[-1] == ("admin", "changed", "ms_exchange_connector")
    last = lines(world, "changes.jsonl")[-1]
    assert last["address"] == "127.0.0.1"
    changes = {each["field"]: each for each in last["changes"]}
    assert changes["password"]["new"] == "changed"
    assert changes["name"]["new"] == "Branch"
    numbers = [each["number"] for each in lines(world, "changes.jsonl")]
    assert numbers == sorted(set(numbers))
    history = world.objects("configuration_change", "history")
    assert {each["id"] for each in history} == set(numbers)

    sign_ins = {
        (each["outcome"], each["method"], each["administrator"])
        for each in lines(world, "sign_ins.jsonl")
    }
    assert ("accepted", "password", "admin") in sign_ins
    assert ("accepted", "token", "admin (token ci)") in sign_ins
    assert ("refused", "password", "admin") in sign_ins
    found = everything(world.state / "audit")
    for secret in (SECRET, token, world.password, "wr0ng"):
        assert secret.encode() not in found
    modes = {p.stat().st_mode & 0o777 for p in (world.state / "audit").iterdir()}
    assert modes == {0o600}
