"""The whole demo in a process of its own, over HTTP: what its page does, without it."""

# ruff: noqa: S310 - the addresses are our own

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests import forked
from tests.demo.demo_process import (
    ALICE,
    BOB,
    REPOSITORY,
    ROOM,
    RunningDemo,
    answers,
    fetch,
    four_ports,
    running,
)
from tests.signals import heed_signals


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running(tmp_path_factory.mktemp("whole") / "state") as demo:
        yield demo


def eventually(check: Callable[[], Any], wait: float = 15) -> Any:
    """The first true answer. The daemon works on its own time."""
    deadline = monotonic() + wait
    while True:
        value = check()
        if value or monotonic() > deadline:
            assert value, "it did not happen in time"
            return value
        sleep(0.05)


def book(demo: RunningDemo, user: str = ALICE) -> dict[str, Any]:
    """What the pane does: asks for the joining instructions with the user's token."""
    addin = demo.get("setup")["addin"]
    token = demo.post("token", {"user": user})["token"]
    url = addin["pane"].removesuffix("addin") + "meeting_details"
    result: dict[str, Any] = fetch(url, headers={"token": token})["result"]
    return result


def schedule(demo: RunningDemo, subject: str, hours: int = 5) -> dict[str, Any]:
    """A meeting with a room, some hours ahead of the desk's clock."""
    now = datetime.fromisoformat(demo.get("state", user=ALICE)["now"])
    start = (now + timedelta(hours=hours)).replace(second=0, microsecond=0)
    details = book(demo)
    draft = {
        "user": ALICE,
        "subject": subject,
        "start": start,
        "end": start + timedelta(hours=1),
        "required": [{"name": "Pexip Meeting", "address": details["room_email"]}],
        "body": details["instructions"],
    }
    uid = demo.post("meetings", draft)["uid"]
    return {**draft, "uid": uid}


def test_banner_says_where(demo: RunningDemo) -> None:
    """The terminal shows the addresses, and a password that is right."""
    assert f"{demo.desk}/" in demo.printed
    assert f"http://127.0.0.1:{demo.port + 1}/admin/" in demo.printed
    password = (demo.folder / "administrator-password").read_text().strip()
    assert password in demo.printed


def test_story_of_a_meeting(demo: RunningDemo) -> None:
    """Booked, answered, closed, open when the clock is moved, moved, cancelled."""
    sent = schedule(demo, "Story")
    uid = sent["uid"]

    def room() -> dict[str, Any]:
        found: dict[str, Any] = demo.get("room", uid=uid)
        return found

    def newest() -> dict[str, Any]:
        mails = demo.get("state", user=ALICE)["inbox"]
        return mails[0] if mails and mails[0]["uid"] == uid else {}

    answer = eventually(newest)
    assert (answer["response"], answer["from_room"]) == ("Accept", True)
    assert "is reserved" in answer["preview"]

    found = eventually(lambda: room()["state"] == "scheduled" and room())
    opens = datetime.fromisoformat(found["opens"])
    assert sent["start"] - opens == timedelta(minutes=30)
    assert not found["join"]["joinable"]
    assert len(found["aliases"]) == 2

    demo.post("clock", {"to": found["opens"]})
    assert room()["join"]["joinable"]

    moved = sent["start"] + timedelta(hours=4)
    demo.post(
        "meetings",
        {**sent, "subject": "Moved", "start": moved, "end": moved + timedelta(hours=1)},
    )
    eventually(lambda: room()["opens"] != found["opens"])
    assert not room()["join"]["joinable"]
    eventually(lambda: "changed meeting" in newest().get("preview", ""))

    # Renamed after the clock has gone back: the newest version counts all the same.
    demo.post("clock", {"reset": True})
    demo.post(
        "meetings",
        {**sent, "subject": "Back", "start": moved, "end": moved + timedelta(hours=1)},
    )
    eventually(lambda: room().get("name", "").startswith("Back"))

    demo.post("cancel", {"user": ALICE, "uid": uid})
    alias = found["aliases"][0]
    gone = eventually(
        lambda: (r := demo.get("room", uid=uid, alias=alias))["state"] == "gone" and r
    )
    assert not gone["join"]["joinable"]
    assert gone["join"]["answer"]["action"] == "reject"


def test_ctrl_c_and_kill_keep_everything(tmp_path: Path) -> None:
    """After a kill, and after Ctrl-C, on other ports too, everything is there."""
    folder = tmp_path / "state"
    with running(folder) as demo:
        sent = schedule(demo, "Kept")
        eventually(lambda: demo.get("state", user=ALICE)["inbox"])
        eventually(lambda: "Accepted: Kept" in (folder / "exchange.json").read_text())
        before = demo.get("state", user=ALICE)
        demo.kill()
    with running(folder) as demo:
        after = demo.get("state", user=ALICE)
        assert after["meetings"] == before["meetings"]
        assert after["inbox"] == before["inbox"]
        assert demo.get("room", uid=sent["uid"])["state"] == "scheduled"
        assert demo.get("setup")["addin"]["origin"] == demo.addin
        # The integration has followed to the new port: a token is still good.
        assert book(demo)["room_email"] == ROOM
        assert demo.interrupt() == 0
        assert not answers(f"{demo.desk}/")
    with running(folder) as demo:
        assert demo.get("state", user=ALICE)["meetings"] == before["meetings"]


@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGHUP,), (signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
)
def test_it_ends_in_order(tmp_path: Path, numbers: tuple[signal.Signals, ...]) -> None:
    """When its terminal goes, too, and however impatient somebody is."""
    with running(tmp_path / "state") as demo:
        demo.interrupt(*numbers)
        assert not (tmp_path / "state" / "daemon" / "control").exists()
        assert "Traceback" not in demo.log.read_text()


def test_taken_port_is_one_clear_line(tmp_path: Path, demo: RunningDemo) -> None:
    """A demo whose port is in use says which, and how to take another."""
    status, said = start_again(tmp_path / "other", demo.port)
    assert status == 1
    assert f"Port {demo.port} is in use" in said
    assert "PORT=9000 make run" in said
    assert "Traceback" not in said


def test_used_folder_is_one_clear_line(demo: RunningDemo) -> None:
    """A second demo with the same state says so."""
    status, said = start_again(demo.folder, four_ports())
    assert status == 1
    assert "Another demo is running" in said
    assert f"{sys.executable} -m pexschedd.demo --port" in said
    assert "Traceback" not in said


def test_damaged_mailboxes_are_named(tmp_path: Path) -> None:
    """A snapshot that cannot be read is not overwritten."""
    (tmp_path / "administrator-password").write_text("secret\n")
    (tmp_path / "exchange.json").write_text('{"number": 1')
    status, said = start_again(tmp_path, four_ports())
    assert status == 1
    assert "exchange.json cannot be read" in said
    assert (tmp_path / "exchange.json").read_text() == '{"number": 1'


def start_again(folder: Path, port: int) -> tuple[int, str]:
    """The exit status of a demo that cannot start, and what it says."""
    given = ["--port", str(port), "--state", str(folder)]
    status, _, said = forked.run(forked.DEMO, given, cwd=REPOSITORY)
    return status, said


def test_started_by_its_own_command(tmp_path: Path) -> None:
    """`python -m pexschedd.demo` itself, which has to import everything first: it says
    where it is, and Ctrl-C ends it in order."""
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pexschedd.demo"),
                *("--port", str(four_ports()), "--state", str(tmp_path / "state")),
            ],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            preexec_fn=heed_signals,
        )
    with process:
        assert process.stdout is not None
        assert any("Ctrl-C" in line for line in iter(process.stdout.readline, ""))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


# What the desk lets in


def status_of(url: str, data: bytes | None = None, **headers: str) -> int:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urlopen(Request(url, data, names), timeout=10) as response:
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


def test_other_hosts_are_refused(demo: RunningDemo) -> None:
    """A name that was bent to the loopback address reaches neither page nor mail."""
    for path in ("/", f"/desk/api/state?user={ALICE}"):
        assert status_of(f"{demo.desk}{path}") == 200
        assert status_of(f"{demo.desk}{path}", Host="evil.example") == 421


def test_foreign_forms_are_refused(demo: RunningDemo) -> None:
    """What a page elsewhere could post without asking is not taken."""
    url = f"{demo.desk}/desk/api/token"
    body = b'{"user":"alice@example.test"}'
    assert status_of(url, body, Content_Type="text/plain") == 400
    assert status_of(url, body, Content_Type="application/json") == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("meetings", b'{"user":"alice@example.test"}'),
        ("meetings", b"["),
        ("token", b'{"user":"svc@example.test"}'),
        ("token", b'{"user":"alice@example.test","more":1}'),
        ("cancel", b'{"user":"alice@example.test","uid":"\xc3\xa4"}'),
        ("respond", b'{"user":"alice@example.test","id":"x","answer":"Accept"}'),
        ("clock", b'{"advance_s":-5}'),
        ("clock", b'{"advance_s":99999999999999}'),
        ("clock", b'{"to":"2026-01-01T00:00:00"}'),
    ],
)
def test_bad_requests_are_answered_in_words(
    demo: RunningDemo, path: str, body: bytes
) -> None:
    """Every wrong request gets a 4xx with a message, never a traceback."""
    url = f"{demo.desk}/desk/api/{path}"
    request = Request(url, body, {"Content-Type": "application/json"})
    with pytest.raises(HTTPError) as caught:
        urlopen(request, timeout=10)
    with caught.value as error:
        text = error.read().decode()
        assert 400 <= error.code < 500
        assert '"message"' in text
        assert "Traceback" not in text


def test_a_join_link_finds_its_meeting(demo: RunningDemo) -> None:
    """By the alias of the instructions; a part of an alias finds nothing."""
    sent = schedule(demo, "To be joined")
    (alias,) = set(re.findall(r"join\?room=(\d+)", sent["body"]))
    found = eventually(
        lambda: (room := demo.get("join", room=alias))["state"] != "waiting" and room
    )
    assert (found["state"], found["join"]["joinable"]) == ("scheduled", False)
    assert alias in found["aliases"]
    assert demo.get("join", room=alias[:-1])["state"] == "gone"


@pytest.mark.parametrize("name", ["..%2fdesk.py", "nothing.js", "%2e%2e/desk.py"])
def test_only_its_own_files(demo: RunningDemo, name: str) -> None:
    """No name leads out of the folder of static files, and browsers keep its own."""
    with urlopen(f"{demo.desk}/", timeout=10) as response:
        (address,) = set(re.findall(rb"/desk/static/\w+/", response.read()))
    static = f"{demo.desk}{address.decode()}"
    assert status_of(f"{static}{name}") == 404
    with urlopen(f"{static}desk.js", timeout=10) as response:
        assert "immutable" in response.headers["cache-control"]


def test_mail_is_shown_without_scripts(demo: RunningDemo) -> None:
    """A message's document forbids scripts and everything from elsewhere."""
    now = datetime.fromisoformat(demo.get("state", user=ALICE)["now"])
    body = "<p onclick='x()'>Hi</p><script>alert(1)</script><img src='http://x/y'>"
    demo.post(
        "meetings",
        {
            "user": ALICE,
            "subject": "Markup",
            "start": now + timedelta(days=3),
            "end": now + timedelta(days=3, hours=1),
            "required": [{"name": "Bob", "address": BOB}],
            "body": body,
        },
    )
    mail = demo.get("state", user=BOB)["inbox"][0]
    query = f"user={BOB}&id={mail['id'].replace('+', '%2B')}"
    with urlopen(f"{demo.desk}/desk/message?{query}", timeout=10) as response:
        policy = response.headers["content-security-policy"]
        assert b"Hi" in response.read()
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("path", ["EWS/Exchange.asmx", "v1.0/users"])
def test_exchange_tells_the_desks_time(demo: RunningDemo, path: str) -> None:
    """Also when its stamps are ahead as the clock has gone back: else the daemon takes
    its own clock for wrong, and removes no room."""
    demo.post("clock", {"advance_s": 86400})
    schedule(demo, "Stamped", hours=48)
    demo.post("clock", {"reset": True})
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{demo.desk}/{path}", timeout=10)
    refused.value.close()
    told = parsedate_to_datetime(refused.value.headers["date"])
    now = datetime.fromisoformat(demo.get("state", user=ALICE)["now"])
    assert abs(now - told) < timedelta(minutes=1)
