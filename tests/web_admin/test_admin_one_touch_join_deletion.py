"""Deletions of records of One-Touch Join: refused, confirmed, and what goes along."""

from typing import Any

import pytest
import pytest_twisted

from pexschedd.model import tables
from tests.web_admin.one_touch_join_support import with_an_endpoint
from tests.web_admin.web_admin_support import API, Server


@pytest.mark.parametrize(
    ("resource", "holder"),
    [
        ("mjx_exchange_deployment", 'exchange_deployment of mjx_integration "Office"'),
        ("mjx_integration", 'mjx_integration of mjx_endpoint_group "Floor"'),
        ("mjx_endpoint_group", 'mjx_endpoint_group of mjx_endpoint "Oak"'),
        ("system_location", 'system_location of mjx_endpoint_group "Floor"'),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_in_use_stays(server: Server, resource: str, holder: str) -> None:
    """A deployment, profile, group or location that is referred to cannot be deleted;
    the refusal names who refers to it."""
    await with_an_endpoint(server)
    uri = f"{API}/{resource}/1/?confirm=yes"
    answer = await server.client.ask("DELETE", uri)
    assert answer.status == 409
    assert holder in answer.json["error"]
    await server.client.get(f"{API}/{resource}/1/")


@pytest_twisted.ensureDeferred
async def test_rules_go_with_their_profile_if_that_is_confirmed(server: Server) -> None:
    """Without the confirmation the answer counts them; what is deleted from the
    endpoint upwards leaves nothing behind."""
    await with_an_endpoint(server)
    client = server.client
    for resource in ("mjx_endpoint", "mjx_endpoint_group"):
        assert (await client.ask("DELETE", f"{API}/{resource}/1/")).status == 204
    profile = f"{API}/mjx_integration/1/"
    (text,) = (await client.refused("DELETE", profile, None))["confirm"]
    assert "2 mjx_meeting_processing_rule" in text
    assert "1 mjx_integration" in text
    assert (await client.ask("DELETE", f"{profile}?confirm=yes")).status == 204
    deployment = f"{API}/mjx_exchange_deployment/1/"
    assert (await client.ask("DELETE", deployment)).status == 204
    gone: tuple[Any, ...] = (
        tables.MJX_INTEGRATION,
        tables.MJX_PROCESSING_RULE,
        tables.MJX_EXCHANGE_DEPLOYMENT,
        tables.MJX_AUTODISCOVER_URL,
        tables.MJX_ENDPOINT_GROUP,
        tables.MJX_ENDPOINT,
    )
    for table in gone:
        assert not [*server.store.all(table)], table.name
    history = "/api/admin/history/v1/configuration_change/?action=deleted"
    deleted = [each["resource"] for each in await client.objects(history)]
    assert deleted.count("mjx_meeting_processing_rule") == 2
    assert deleted.count("mjx_exchange_autodiscover_url") == 1


@pytest_twisted.ensureDeferred
async def test_a_profile_without_rules_needs_no_confirmation(server: Server) -> None:
    """Terraform, which removes the rules first, need not know the argument."""
    await with_an_endpoint(server)
    client = server.client
    for path in (
        "mjx_endpoint/1/",
        "mjx_endpoint_group/1/",
        "mjx_meeting_processing_rule/?mjx_integration=1",
        "mjx_integration/1/",
    ):
        answer = await client.ask("DELETE", f"{API}/{path}")
        assert answer.status == 204, answer.body


@pytest_twisted.ensureDeferred
async def test_what_goes_along_is_counted(server: Server) -> None:
    """The question before a whole list is deleted counts tokens and addresses, too."""
    await with_an_endpoint(server)
    await server.client.create(
        f"{API}/mjx_screen_token/", {"name": "Door", "mjx_endpoint": 1}
    )
    ask = server.client.ask
    for resource, along in (
        ("mjx_endpoint", "1 mjx_screen_token"),
        ("mjx_exchange_deployment", "1 mjx_exchange_autodiscover_url"),
    ):
        answer = await ask("DELETE", f"{API}/{resource}/")
        assert answer.status == 400
        assert along in str(answer.json)
