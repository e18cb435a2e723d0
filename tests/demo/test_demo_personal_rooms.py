"""Personal rooms of the whole demo, over HTTP."""

import re
from pathlib import Path
from typing import Any

import requests

from pexschedd.demo import personal_rooms
from pexschedd.demo.identity_provider import PEOPLE
from pexschedd.demo.ports import Ports
from tests.demo.demo_process import ALICE, BOB, RunningDemo, four_ports, running

ENDPOINTS = ("personal_vmr_oauth_auth_endpoint", "personal_vmr_oauth_token_endpoint")


class Administrator:
    """The management API of a demo."""

    def __init__(self, demo: RunningDemo) -> None:
        self._base = f"http://127.0.0.1:{demo.port + 1}"
        password = (demo.folder / "administrator-password").read_text().strip()
        self._account = ("admin", password)

    def ask(self, method: str, uri: str, json: Any = None) -> Any:
        answer = requests.request(
            method, self._base + uri, auth=self._account, json=json, timeout=10
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def rows(self, resource: str) -> list[dict[str, Any]]:
        path = f"/api/admin/configuration/v1/{resource}/?limit=100"
        return list(self.ask("GET", path)["objects"])

    def integration(self) -> dict[str, Any]:
        return self.rows("ms_exchange_connector")[0]

    def change(self, row: dict[str, Any], **changes: Any) -> None:
        self.ask("PATCH", row["resource_uri"], changes)


def rooms_of(demo: RunningDemo, user: str, name: str) -> list[dict[str, Any]]:
    """What the pane and its window do: `name` signs in beside the Outlook of `user`,
    and the rooms are listed."""
    pane = demo.get("setup")["addin"]["pane"].removesuffix("addin")
    token = {"token": demo.post("token", {"user": user})["token"]}
    begun = requests.post(pane + "sign_in", headers=token, timeout=10).json()["result"]
    window = requests.Session()
    page = window.get(
        pane + begun["start"], headers={"sec-fetch-site": "same-origin"}, timeout=10
    )
    # Clients other than browsers hold plain loopback for insecure.
    for cookie in window.cookies:
        cookie.secure = False
    action = re.findall(r'action="([^"]+)"', page.text)[0]
    key = re.findall(r'name="key" value="([^"]+)"', page.text)[0]
    (person,) = [p.object_id for p in PEOPLE if p.first_name == name]
    done = window.post(
        demo.desk + action, data={"key": key, "person": person}, timeout=10
    )
    assert done.status_code == 200, done.text
    attempt = {"attempt": begun["attempt"]}
    result = requests.get(pane + "sign_in", headers=attempt, timeout=10).json()
    session = {"session": result["result"]["session"]}
    listed = requests.get(pane + "personal_rooms", headers=session, timeout=10)
    assert listed.ok, listed.text
    return list(listed.json()["result"]["rooms"])


def test_an_earlier_demo_gets_them(tmp_path: Path) -> None:
    """A store from before there were personal rooms has them after the next start, at
    whatever port: one for Alice, a list long enough for a search for Bob, none for
    Carol. They are made once: what an administrator deletes stays away."""
    with running(tmp_path / "state") as demo:
        admin = Administrator(demo)
        for row in admin.rows("conference"):
            admin.ask("DELETE", row["resource_uri"])
        admin.change(
            admin.integration(),
            enable_personal_vmrs=False,
            personal_vmr_oauth_client_secret="",
            **dict.fromkeys(ENDPOINTS, ""),
        )
        demo.interrupt()
    with running(tmp_path / "state", four_ports()) as demo:
        listed = rooms_of(demo, BOB, "Bob")
        assert len(listed) >= 8
        assert [r["name"] for r in listed if not r["usable"]] == ["Old studio"]
        assert rooms_of(demo, ALICE, "Carol") == []
        (room,) = rooms_of(demo, ALICE, "Alice")
        assert room["name"] == "Alice’s room"
        joined = demo.get("join", room="alice@example.test")
        assert (joined["state"], joined["join"]["joinable"]) == ("personal", True)
        admin = Administrator(demo)
        for row in admin.rows("conference"):
            if row["name"] not in ("Alice’s room", "Workshop"):
                admin.ask("DELETE", row["resource_uri"])
        demo.interrupt()
    with running(tmp_path / "state", four_ports()) as demo:
        assert len(rooms_of(demo, BOB, "Bob")) == 1
        (room,) = rooms_of(demo, ALICE, "Alice")
        assert f"{demo.desk}/desk/join" in room_text(demo, room["id"])


def room_text(demo: RunningDemo, room: str) -> str:
    """The joining instructions of a room of Alice's, who has signed in before."""
    pane = demo.get("setup")["addin"]["pane"].removesuffix("addin")
    token = {"token": demo.post("token", {"user": ALICE})["token"]}
    url = f"{pane}personal_rooms/{room}"
    answer = requests.get(url, headers=token, timeout=10).json()
    return str(answer["result"]["instructions"])


def test_only_the_demos_provider_follows_the_ports() -> None:
    """An administrator's own identity provider stays where it is."""
    here, there = Ports.starting_at(9000), Ports.starting_at(9100)
    row = personal_rooms.fields(here)
    assert personal_rooms.moved(row, here) == {}
    moved = personal_rooms.moved(row, there)
    assert moved == personal_rooms.sign_in_fields(there)
    own = "https://login.example.test/t/oauth2/v2.0/authorize"
    assert personal_rooms.moved({ENDPOINTS[0]: own}, there) == {}
