"""A backlog is worked off by a daemon that is killed again and again."""

import json
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Event

import pytest
import requests
from exchangelib import IMPERSONATION, Account, Configuration, Credentials
from exchangelib.version import EXCHANGE_2016, Version

from benchmarks.graph_access import SECRET, graph_fields
from benchmarks.servers import URGENT, alias
from tests.system.system_support import (
    ALICE,
    EQUIPMENT,
    ROOT,
    World,
    eventually,
)
from tests.thorough import THOROUGH

KILLS = {"ews": 20 if THOROUGH else 5, "graph": 20 if THOROUGH else 4}
WAITING = {"ews": 2400 if THOROUGH else 300, "graph": 1600 if THOROUGH else 200}
LATENCY_MS = {"ews": "240", "graph": "40"}
"""Of each call; Graph's batches are of twenty, four of which are done at once."""


class BusySandbox:
    """A sandbox with a mixed backlog, started as a process of its own; `kind` is the
    interface by which the daemon comes."""

    def __init__(self, kind: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.servers",
                "mixed",
                str(WAITING[kind]),
                LATENCY_MS[kind],
                kind,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        facts = json.loads(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{facts['port']}"
        self.rooms: int = facts["rooms"]

    def account(self, address: str) -> Account:
        return Account(
            primary_smtp_address=address,
            autodiscover=False,
            access_type=IMPERSONATION,
            config=Configuration(
                service_endpoint=f"{self.url}/EWS/Exchange.asmx",
                credentials=Credentials("svc@example.test", "svc"),
                auth_type="basic",
                version=Version(EXCHANGE_2016),
            ),
        )

    def stop(self) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


def book_all(world: World, waiting: int) -> None:
    """The aliases that the waiting messages name, as if they had been handed out."""
    for start in range(1, waiting + 1, 100):
        wanted = [alias(number) for number in range(start, start + 100)]
        rows = [
            {
                "uuid": each.uuid,
                "alias": each.alias,
                "numeric_alias": each.numeric_alias,
                "alias_number": each.alias_number,
                "exchange_connector": 1,
            }
            for each in wanted
        ]
        answer = world.ask(
            "PATCH", "configuration/v1/scheduled_alias/", {"objects": rows}
        )
        assert answer.status_code == 202, answer.text


def pending(world: World) -> int:
    text = requests.get(f"{world.admin}/metrics", timeout=10).text
    (count,) = re.findall(r'resource="outbox"\} (\d+)', text)
    return int(count)


def requests_of(equipment: Account) -> Counter[str]:
    """Alice's requests, by subject: over EWS each of them is answered."""
    return Counter(
        item.subject
        for item in equipment.trash.all().only("item_class", "subject")
        if item.item_class == "IPM.Schedule.Meeting.Request"
        and item.subject != URGENT  # Bob's, not Alice's
    )


def meetings_of(alice: Account) -> Counter[str]:
    """Alice's meetings that take place, with the requests that she has sent for each:
    every seventh was moved once."""
    found = {item.subject for item in alice.calendar.all().only("subject")}
    return Counter({each: 2 if int(each.split()[1]) % 7 == 1 else 1 for each in found})


@pytest.mark.timeout(600)  # many starts: a busy machine takes its time for them
@pytest.mark.parametrize("kind", ["ews", "graph"])
def test_killed_again_and_again_nobody_is_forgotten_or_told_twice(
    tmp_path: Path, kind: str
) -> None:
    """Every request is answered exactly once, and no meeting has two rooms."""
    chance = random.Random(20261121)  # noqa: S311 - to be repeatable
    pause = Event()
    sandbox = BusySandbox(kind)
    world = World(tmp_path)
    access = graph_fields(sandbox.url) | {"oauth_client_secret": SECRET}
    if kind == "ews":
        access = {}
    try:
        world.start_daemon()
        world.create_integration(
            url=f"{sandbox.url}/EWS/Exchange.asmx",
            enable_dynamic_vmrs=False,
            enable_personal_vmrs=True,
            personal_vmr_oauth_auth_endpoint="http://127.0.0.1/adfs/oauth2/authorize",
            personal_vmr_oauth_token_endpoint="http://127.0.0.1/adfs/oauth2/token",
            personal_vmr_adfs_relying_party_trust_identifier="rooms",
            **access,
        )
        book_all(world, WAITING[kind])
        path = "configuration/v1/ms_exchange_connector/1/"
        assert world.ask("PATCH", path, {"enable_dynamic_vmrs": True}).ok
        at_work = 0
        for _ in range(KILLS[kind]):
            pause.wait(chance.random() * 0.3)
            # Where it has got to is stored with the last of what had arrived.
            at_work += not world.objects("exchange_scheduler", "status")
            world.daemon.stop(signal.SIGKILL)
            world.daemon.start()
            eventually(lambda: world._answers(f"{world.addin}/health"), "a start")
        assert at_work >= KILLS[kind] // 2, "it was hardly ever killed while working"
        equipment = sandbox.account(EQUIPMENT)
        eventually(
            lambda: not pending(world) and equipment.inbox.all().count() == 0,
            "the end of the backlog",
        )
        assert len(world.objects("conference")) == sandbox.rooms
        alice = sandbox.account(ALICE)
        answers = Counter(
            (item.item_class, item.subject)
            for item in alice.inbox.all().only("item_class", "subject")
        )
        told: Counter[str] = Counter()
        for (_, subject), count in answers.items():
            told[subject.partition(": ")[2]] += count
        if kind == "ews":
            assert told == requests_of(equipment)
        else:
            # An event that was moved before it was answered may answer for both.
            sent = meetings_of(alice)
            assert set(told) == set(sent)
            assert told <= sent
        assert told
    finally:
        world.stop()
        sandbox.stop()
