"""Personal rooms of the real daemon: set up by its API, asked for by the add-in."""

import requests

from tests.system.system_support import ALICE, World

PERSONAL = {
    "enable_personal_vmrs": True,
    "personal_vmr_oauth_auth_endpoint": "https://adfs.example.test/adfs/oauth2/authorize",
    "personal_vmr_oauth_token_endpoint": "https://adfs.example.test/adfs/oauth2/token",
    "personal_vmr_adfs_relying_party_trust_identifier": "https://vc.example.test/",
}
INTEGRATION = "configuration/v1/ms_exchange_connector/1/"


def personal_rooms(world: World, token: str) -> tuple[int, str]:
    """The status and the code of the list."""
    answer = requests.get(
        f"{world.addin}/api/client/v2/msexchange_schedulers/1/personal_rooms",
        headers={"token": token},
        timeout=10,
    )
    return answer.status_code, answer.json().get("code", "")


def test_personal_rooms_are_switched_on_and_off(world: World) -> None:
    """Unknown users are asked to sign in, and the rooms are open to callers."""
    world.create_integration()
    token = world.token()
    assert personal_rooms(world, token) == (404, "personal_rooms_off")
    assert (
        world.ask("PATCH", INTEGRATION, {"enable_personal_vmrs": True}).status_code
        == 400
    )
    assert world.ask("PATCH", INTEGRATION, PERSONAL).ok
    room = {
        "name": "Alice's room",
        "primary_owner_email_address": ALICE,
        "aliases": [{"alias": "alice@example.test"}, {"alias": "4711"}],
    }
    assert world.ask("POST", "configuration/v1/conference/", room).status_code == 201
    assert personal_rooms(world, token) == (401, "sign_in_needed")
    assert world.policy("4711")["result"]["name"] == "Alice's room"
    off = {"enable_dynamic_vmrs": False, "enable_personal_vmrs": False}
    answer = world.ask("PATCH", INTEGRATION, off)
    assert "one kind of room" in answer.text
    assert world.ask("PATCH", INTEGRATION, {"enable_personal_vmrs": False}).ok
    assert personal_rooms(world, token) == (404, "personal_rooms_off")
