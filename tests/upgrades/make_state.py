"""Makes a golden folder: the state of a daemon that has worked, as it has left it.

Of the present release, from the repository's folder:

    python -m tests.upgrades.make_state 0.3.0

Of an earlier one, with its own code, its own sandbox and its own tests beside them;
what its management API does not know yet is left out and said:

    git worktree add --detach /tmp/earlier 70c89c10
    cp tests/upgrades/make_state.py /tmp/earlier/tests/
    cd /tmp/earlier && PYTHONPATH=$PWD python -m tests.make_state 0.1.0-first FOLDER

0.1.0-first is from 70c89c10, 0.1.0-one-administrator from a16d5555, 0.1.0-last from
e915fed1.

A folder that is in the repository is never made again: installations like it exist.
`test_golden_states.py` starts today's daemon on each. The secrets in them are made up.
"""

import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from exchangelib import Attendee, CalendarItem, HTMLBody, Mailbox
from exchangelib.items import SEND_TO_ALL_AND_SAVE_COPY
from exchangelib.recurrence import Recurrence, WeeklyPattern

from tests.system.organizer_support import Organizer, organizer
from tests.system.system_support import ALICE, EQUIPMENT, World, eventually

STATES = Path(__file__).parent / "states"
LEFT_OUT = {
    "LOCK",
    "control",
    "control.sock",
    "disk-reserve",
    "backups",
}
"""What the daemon makes again by itself."""

HOUR = timedelta(hours=1)
CLOSED = "http://127.0.0.1:9/EWS/Exchange.asmx"
"""Where no Exchange ever is: a golden folder must not find another test's."""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBMjCB2aADAgECAgISZzAKBggqhkjOPQQDAjAXMRUwEwYDVQQDDAxFeGFtcGxl
IFJvb3QwIBcNMjYxMTAxMDAwMDAwWhgPMjEyNjEwMDgwMDAwMDBaMBcxFTATBgNV
BAMMDEV4YW1wbGUgUm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFVhxFFI
A46GbuFyPrtRTBrUf8vYP9WASckJgBFlPWtjPQNO12XVPrq81BO4/xm139cgJaZQ
wzkn1Lg7ShmMboKjEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAw
RQIgfcXoHzw1urjZ/1M03xbgIMWLzSAanOE2IzQP752PZWkCIQDZj3CZrecvbX4E
9SIx++XX8MrCX8/lUbl/6eAeFhl78A==
-----END CERTIFICATE-----
"""
"""An authority whose key was thrown away."""


def fill(world: World) -> None:
    """Have the daemon do what daemons do, and stop it with an answer not sent yet."""
    uri = world.create_integration()
    _configure(world)
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    with organizer(world.exchange, ALICE) as alice:
        alice.invite("Plans", start, start + HOUR, _instructions(world))
        _invite_weekly(alice, "Weekly", start + 2 * HOUR, _instructions(world))
        moved = alice.invite("Moved", start, start + HOUR, _instructions(world))
        eventually(lambda: len(alice.answers()) == 3, "three answers")
        alice.move(moved, start + 5 * HOUR, start + 6 * HOUR)
        eventually(lambda: len(alice.answers()) == 4, "the fourth")
        _instructions(world)  # booked, and never sent
        body = _instructions(world)
        known = len(_meetings(world))
        world.daemon.stop()
        alice.invite("Unanswered", start + 8 * HOUR, start + 9 * HOUR, body)
        fault = {"operation": "CreateItem", "kind": "http-503", "times": None}
        world.behave(faults=[fault])
        world.start_daemon()
        eventually(lambda: len(_meetings(world)) > known, "the room")
    answer = world.ask(
        "PATCH", uri.removeprefix("/api/admin/"), {"url": CLOSED, "password": "svc"}
    )
    assert answer.status_code == 202, answer.text


def _meetings(world: World) -> set[str]:
    """The rooms that have a meeting."""
    kinds = ("scheduled_conference", "recurring_conference")
    return {each["conference"] for kind in kinds for each in world.objects(kind)}


def _instructions(world: World) -> str:
    return str(world.meeting_details(world.token()).json()["result"]["instructions"])


def _invite_weekly(alice: Organizer, subject: str, start: Any, body: str) -> None:
    local = alice._local(start)
    CalendarItem(
        account=alice._account,
        folder=alice._account.calendar,
        subject=subject,
        start=local,
        end=alice._local(start + HOUR),
        body=HTMLBody(body),
        resources=[Attendee(mailbox=Mailbox(email_address=EQUIPMENT))],
        recurrence=Recurrence(
            pattern=WeeklyPattern(interval=1, weekdays=[local.weekday() + 1]),
            start=local.date(),
            number=200,
        ),
    ).save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)


def _configure(world: World) -> None:
    """All of the configuration that this release knows, and an alarm."""
    other = {"name": "Branch", "scheduled_alias_prefix": "556"}
    world.create_integration(
        url=CLOSED, room_mailbox_email_address="studio@example.test", **other
    )
    eventually(world.alarms, "an alarm about the branch's Exchange")
    deployment = _make(
        world,
        "mjx_exchange_deployment",
        name="Rooms",
        ews_url=CLOSED,
        service_account_username="svc@example.test",
        service_account_password="svc",
    )
    profile = _make(
        world, "mjx_integration", name="Office", exchange_deployment=deployment
    )
    location = _make(world, "system_location", name="Oslo")
    group = _make(
        world,
        "mjx_endpoint_group",
        name="Third floor",
        mjx_integration=profile,
        system_location=location,
    )
    endpoint = _make(
        world,
        "mjx_endpoint",
        name="Room 1",
        endpoint_type="POLY",
        room_resource_email="room1@example.test",
        mjx_endpoint_group=group,
        poly_username="room1",
        poly_password="hush hush",
    )
    _make(world, "mjx_screen_token", name="Door", mjx_endpoint=endpoint)
    _make(
        world,
        "conference",
        name="Town hall",
        service_type="conference",
        pin="1234",
        aliases=[{"alias": "townhall@example.test"}],
    )
    _make(
        world,
        "administrator",
        name="rudi",
        password="help desk",
        role="/api/admin/configuration/v1/role/2/",
    )
    _make(world, "ca_certificate", certificate=CERTIFICATE)


def _make(world: World, resource: str, **fields: Any) -> str:
    """Make a record; return its URI, or nothing where this release has no such."""
    answer: requests.Response = world.ask(
        "POST", f"configuration/v1/{resource}/", fields
    )
    if answer.status_code != 201:
        sys.stderr.write(
            f"left out: {resource}: {answer.status_code} {answer.text[:200]}\n"
        )
        return ""
    return answer.headers["Location"]


def make(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            world.start()
            fill(world)
        finally:
            world.stop()
        state = Path(folder) / "state"
        shutil.copytree(
            state,
            target,
            ignore=lambda where, names: [
                n for n in names if n in LEFT_OUT or n.endswith((".hint", ".sock"))
            ],
        )


if __name__ == "__main__":
    name, *where = sys.argv[1:]
    make(Path(where[0]) / name if where else STATES / name)
