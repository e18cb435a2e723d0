"""References within the document of an import."""

from typing import Any

import pytest
import pytest_twisted

from pexschedd.model import tables
from tests.web_admin.transfer_support import IMPORT, imported
from tests.web_admin.web_admin_support import API, Server

ALIAS = 'conference_alias[0] "one": conference'
DOMAIN = 'exchange_domain[0] "example.test": exchange_connector'


@pytest.mark.parametrize(
    ("resources", "place", "text"),
    [
        (
            {
                "conference_alias": [
                    {"alias": "one", "conference": "a", "resource_uri": "a"}
                ]
            },
            ALIAS,
            "The document has no conference a.",
        ),
        (
            {
                "ivr_theme": [{"name": "Night", "resource_uri": "t"}],
                "conference_alias": [{"alias": "one", "conference": "t"}],
            },
            ALIAS,
            "The document has no conference t.",
        ),
        (
            {
                "exchange_domain": [
                    {"domain": "example.test", "exchange_connector": 1e30}
                ]
            },
            DOMAIN,
            "The document has no ms_exchange_connector 1e30.",
        ),
        (
            {"conference_alias": [{"alias": "one", "conference": {"id": 1}}]},
            ALIAS,
            'The document has no conference {"id":1}.',
        ),
        (
            {
                "ivr_theme": [{"name": "Night", "resource_uri": "t"}],
                "conference": [{"name": "Board", "resource_uri": "t"}],
            },
            'conference[0] "Board": resource_uri',
            "ivr_theme[0] has the same.",
        ),
        (
            {"conference": [{"name": name, "resource_uri": "r"} for name in "ab"]},
            'conference[1] "b": resource_uri',
            "conference[0] has the same.",
        ),
        (
            {"conference": [{"name": "Board", "resource_uri": {}}]},
            'conference[0] "Board": resource_uri',
            "This must be a text.",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_wrong_reference_is_refused(
    server: Server, resources: dict[str, Any], place: str, text: str
) -> None:
    """A record is referred to by its resource and its URI, which no other one has."""
    await server.client.create(f"{API}/conference/", {"name": "There already"})
    problems = await server.client.refused("POST", IMPORT, {"resources": resources})
    assert problems == {place: [text]}
    assert server.store.count(tables.CONFERENCE_ALIAS) == 0


@pytest_twisted.ensureDeferred
async def test_records_without_a_uri(server: Server) -> None:
    """Any number of records may do without, or have an empty one."""
    none: list[dict[str, Any]] = [{}, {"resource_uri": ""}, {"resource_uri": None}]
    rooms = [{"name": f"Room {n}", **each} for n, each in enumerate(none)]
    plan = await imported(server, {"resources": {"conference": rooms}})
    assert plan["created"] == 3
