"""A room with an endpoint that asks for its meetings, over the management API."""

from typing import Any

from tests.system.system_support import World

ROOM = "room1@example.test"
USER, PASSWORD = "room1-screen", "hush hush"


def make(world: World, resource: str, **fields: Any) -> Any:
    """The answer to a new record."""
    answer = world.ask("POST", f"configuration/v1/{resource}/", fields)
    assert answer.status_code == 201, answer.text
    return answer


def configure_room(world: World, **deployment: Any) -> str:
    """Make all that a POLY endpoint needs; return a token of its screen.

    The deployment signs in to the sandbox itself unless its fields say otherwise.
    """
    given = {
        "name": "Rooms",
        "ews_url": f"{world.exchange}/EWS/Exchange.asmx",
        "service_account_username": "svc@example.test",
        "service_account_password": "svc",
    }
    rooms = make(world, "mjx_exchange_deployment", **(given | deployment))
    return configure_endpoint(world, exchange_deployment=rooms.headers["Location"])


def configure_endpoint(world: World, **deployment: str) -> str:
    """Make a POLY endpoint whose room a deployment reads, given by its field and URI;
    return a token of its screen."""
    profile = make(world, "mjx_integration", name="Office", **deployment)
    location = make(world, "system_location", name="Oslo")
    group = make(
        world,
        "mjx_endpoint_group",
        name="Third floor",
        mjx_integration=profile.headers["Location"],
        system_location=location.headers["Location"],
    )
    endpoint = make(
        world,
        "mjx_endpoint",
        name="Room 1",
        endpoint_type="POLY",
        room_resource_email=ROOM,
        mjx_endpoint_group=group.headers["Location"],
        poly_username=USER,
        poly_password=PASSWORD,
    )
    uri = endpoint.headers["Location"]
    token = make(world, "mjx_screen_token", name="Door", mjx_endpoint=uri)
    return str(token.json()["token"])
