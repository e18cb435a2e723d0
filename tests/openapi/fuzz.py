"""Schemathesis against a daemon of its own, over HTTP.

python -m tests.openapi.fuzz 200                    200 requests for each operation
python -m tests.openapi.fuzz 5 --phases coverage    other options are schemathesis's
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.forked import end_template
from tests.openapi.schemathesis_hooks import SEEDS
from tests.system.system_support import ROOT, World
from tests.web_admin.test_admin_ca_certificates import authority, text

_CONFIGURATION = "configuration/v1"
_ROLE = f"/api/admin/{_CONFIGURATION}/role/1/"


@contextmanager
def running_daemon(folder: Path) -> Iterator[World]:
    """A daemon with a few records of each resource, and no Exchange: nothing may reach
    one."""
    world = World(folder)
    try:
        world.start_daemon()
        for number in range(1, 2 * SEEDS + 1):
            for resource, record in _seeds(number):
                path = f"{_CONFIGURATION}/{resource}/"
                answer = world.ask("POST", path, record)
                assert answer.status_code == 201, (resource, answer.text)
        yield world
    finally:
        world.stop()


def _one_touch_seeds(n: int) -> Iterator[tuple[str, dict[str, object]]]:
    yield "system_location", {"name": f"location {n}"}
    yield (
        "mjx_exchange_deployment",
        {
            "name": f"rooms {n}",
            "ews_url": "http://127.0.0.1:9/EWS/Exchange.asmx",
            "service_account_username": "rooms",
            "service_account_password": "rooms",
        },
    )
    yield (
        "mjx_exchange_autodiscover_url",
        {
            "name": f"url {n}",
            "url": "http://127.0.0.1:9/autodiscover.xml",
            "exchange_deployment": n,
        },
    )
    yield (
        "mjx_graph_deployment",
        {
            "name": f"tenant {n}",
            "client_id": "app",
            "oauth_token_url": "http://127.0.0.1:9/token",
        },
    )
    yield (
        "mjx_google_deployment",
        {
            "name": f"workspace {n}",
            "client_email": "rooms@example.test",
            "private_key": "key",
        },
    )
    yield "mjx_integration", {"name": f"profile {n}", "graph_deployment": n}
    yield (
        "mjx_meeting_processing_rule",
        {
            "name": "Zoom",
            "mjx_integration": n,
            "priority": n,
            "meeting_type": "zoom",
        },
    )
    yield "mjx_endpoint_group", {"name": f"floor {n}"}
    yield (
        "mjx_endpoint",
        {
            "name": f"endpoint {n}",
            "room_resource_email": f"screen{n}@example.test",
            "endpoint_type": "POLY",
            "poly_username": f"screen{n}",
            "poly_password": "screen",
        },
    )


def _seeds(n: int) -> Iterator[tuple[str, dict[str, object]]]:
    yield "ivr_theme", {"name": f"theme {n}"}
    yield "identity_provider_group", {"name": f"group {n}"}
    yield (
        "ms_exchange_connector",
        {
            "name": f"integration {n}",
            "url": "http://127.0.0.1:9/EWS/Exchange.asmx",
            "username": "svc",
            "password": "svc",
            "room_mailbox_name": "Room",
            "room_mailbox_email_address": f"room{n}@example.test",
            "addin_server_domain": "127.0.0.1:9",
            "scheduled_alias_prefix": str(n),
            "scheduled_alias_domain": "example.test",
            "domains": [{"domain": "127.0.0.1:9"}],
        },
    )
    aliases = [{"alias": f"room{n}"}]
    yield "conference", {"name": f"room {n}", "aliases": aliases}
    yield "end_user", {"primary_email_address": f"p{n}@example.test"}
    yield (
        "scheduled_alias",
        {
            "uuid": f"0b9e3a52-6c1f-4f7e-9d54-6f2f2c1f6a{n:02}",
            "alias": f"55{n}@example.test",
            "numeric_alias": f"55{n}",
            "alias_number": n,
            "exchange_connector": n,
        },
    )
    yield (
        "scheduled_conference",
        {
            "conference": n,
            "start_time": "2036-01-01T10:00:00",
            "end_time": "2036-01-01T11:00:00",
            "subject": "Weekly",
            "ews_item_id": f"item {n}",
            "ews_item_uid": f"uid {n}",
        },
    )
    yield from _one_touch_seeds(n)
    yield "ca_certificate", {"certificate": text(authority(name=f"Root {n}"))}
    yield "api_token", {"name": f"token {n}", "role": _ROLE}
    yield "oauth2_client", {"client_name": f"client {n}", "role": _ROLE}
    if n < SEEDS:  # each costs a password's hash
        name, password = f"anna {n}", "correct horse"
        yield "administrator", {"name": name, "password": password, "role": _ROLE}


def fuzz(world: World, options: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run schemathesis, with everything that does not depend on the occasion."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            str(ROOT / "docs" / "openapi.json"),
            f"--url={world.admin}",
            f"--auth=admin:{world.password}",
            # Each refused sign-in would make the next ones wait.
            "--exclude-checks=ignored_auth",
            "--exclude-operation-id=post_command_administrator_change_password",
            "--continue-on-failure",
            "--request-timeout=60",
            "--suppress-health-check=all",  # of how quick a busy machine is
            "--warnings=off",
            "--no-color",
            *options,
        ],
        cwd=world.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.openapi.schemathesis_hooks",
            "HYPOTHESIS_STORAGE_DIRECTORY": _hypothesis_folder(),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def _hypothesis_folder() -> str:
    """Where the tests' own processes keep what hypothesis knows of Unicode: it takes a
    fifth of the time to find out."""
    return os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / ".hypothesis"))


def main(examples: str, *options: str) -> int:
    """Run for as many requests as a person has asked for, and show the report."""
    try:
        with (
            TemporaryDirectory() as folder,
            running_daemon(Path(folder)) as world,
        ):
            run = fuzz(world, [f"--max-examples={examples}", *options])
    finally:
        end_template()
    sys.stdout.write(run.stdout)
    sys.stderr.write(run.stderr)
    return run.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
