"""The demo's two meeting rooms and their door signs, over HTTP."""

# ruff: noqa: S310 - the addresses are our own

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.request import Request, urlopen

import pytest

from pexschedd.demo.invitations import INVITATIONS
from pexschedd.sandbox.mailboxes.accounts import default_accounts
from pexschedd.sandbox.mailboxes.exchange import Exchange
from tests.demo.demo_process import ALICE, RunningDemo, running
from tests.demo.test_demo_personal_rooms import Administrator
from tests.demo.test_demo_whole import book, eventually

OAK = "oak@example.test"
DIALLED = {
    "Microsoft Teams": "1182203314@teams.example.test",
    "Zoom": "84400000051.998877@zoomcrc.com",
    "Google Meet": "xyz-abcd-efg@meet.example.test",
    "Webex": "25501112222@northwind.webex.com",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """A demo whose mailboxes are from a time when there were no such rooms."""
    folder = tmp_path_factory.mktemp("signs") / "state"
    folder.mkdir()
    earlier = Exchange(default_accounts(), now=lambda: datetime.now(UTC))
    (folder / "exchange.json").write_bytes(earlier.snapshot())
    (folder / "administrator-password").write_text("correct horse\n")
    with running(folder) as demo:
        yield demo


def read_calendars(demo: RunningDemo) -> None:
    """Has the daemon read the rooms now: it does when a profile is changed."""
    admin = Administrator(demo)
    (profile,) = admin.rows("mjx_integration")
    days = 7 if profile["display_upcoming_meetings"] != 7 else 8
    admin.change(profile, display_upcoming_meetings=days)


def shown(demo: RunningDemo, room: str = OAK) -> dict[str, Any]:
    """The meetings on a sign, by title."""
    (sign,) = [s for s in demo.get("signs", soon="yes") if s["address"] == room]
    assert sign["problem"] == ""
    return {meeting["title"]: meeting for meeting in sign["meetings"]}


def test_every_invitation_has_its_button(demo: RunningDemo) -> None:
    """Oak accepts meetings with Teams, Zoom, Meet, Webex and our own invitation, and
    its sign has for each what is dialled; Birch shows none; a cancelled one is gone."""
    bodies = {each.service: each.html for each in INVITATIONS}
    assert bodies.keys() == DIALLED.keys()
    ours = book(demo)
    now = datetime.fromisoformat(demo.get("state", user=ALICE)["now"])
    start = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    uids = {}
    for hour, (title, body) in enumerate(
        [*bodies.items(), ("Ours", ours["instructions"])]
    ):
        required = [{"name": "Oak", "address": OAK}]
        if title == "Ours":
            required.append({"name": "", "address": ours["room_email"]})
        draft = {
            "user": ALICE,
            "subject": title,
            "start": start + timedelta(hours=hour),
            "end": start + timedelta(hours=hour, minutes=30),
            "required": required,
            "body": body,
        }
        uids[title] = demo.post("meetings", draft)["uid"]
    eventually(lambda: demo.get("room", uid=uids["Ours"])["state"] == "scheduled")
    read_calendars(demo)
    listed = eventually(lambda: len(m := shown(demo)) == len(uids) and m, 60)
    dialled = {
        title: join and join["alias"]
        for title, join in ((each["title"], each["join"]) for each in listed.values())
    }
    own = dialled.pop("Ours")
    assert dialled == DIALLED
    assert own in demo.get("room", uid=uids["Ours"])["aliases"]
    assert shown(demo, "birch@example.test") == {}
    demo.post("cancel", {"user": ALICE, "uid": uids["Zoom"]})
    read_calendars(demo)
    eventually(lambda: "Zoom" not in shown(demo))


def date_of(url: str, token: str) -> datetime:
    headers = {"authorization": f"Bearer {token}"}
    with urlopen(Request(url, headers=headers), timeout=10) as answer:
        return parsedate_to_datetime(answer.headers["date"])


def test_the_clock_moves_the_signs(demo: RunningDemo) -> None:
    """The time that a sign sets its clock by is the desk's."""
    (sign, _) = demo.get("signs")
    token = sign["door"].partition("token=")[2].partition("&")[0]
    url = f"http://127.0.0.1:{demo.port + 3}/v1/meetings"
    before = date_of(url, token)
    demo.post("clock", {"advance_s": 3600})
    moved = date_of(url, token) - before
    assert timedelta(hours=1) <= moved < timedelta(hours=1, minutes=1)


def test_tokens_are_kept(demo: RunningDemo) -> None:
    """The next start makes no others."""
    kept = (demo.folder / "door-signs.json").read_bytes()
    assert demo.interrupt() == 0
    with running(demo.folder, demo.port) as again:
        assert (again.folder / "door-signs.json").read_bytes() == kept
        assert len(Administrator(again).rows("mjx_screen_token")) == 2
        assert all(sign["problem"] == "" for sign in again.get("signs"))
