"""The resources of One-Touch Join through the API: shown, sent back, and found."""

import pytest_twisted

from pexschedd.model import tables
from tests.web_admin.one_touch_join_support import with_an_endpoint
from tests.web_admin.web_admin_support import API, Server


@pytest_twisted.ensureDeferred
async def test_records_are_shown_as_clients_decode_them(server: Server) -> None:
    """A profile shows its deployment and its groups in full, a deployment its profiles
    as addresses and its Autodiscover in full, a group its endpoints; no secret."""
    await with_an_endpoint(server)
    get = server.client.get
    profile = await get(f"{API}/mjx_integration/1/")
    assert profile["exchange_deployment"]["name"] == "Rooms"
    assert profile["google_deployment"] is None
    assert [each["name"] for each in profile["endpoint_groups"]] == ["Floor"]
    rules = f"{API}/mjx_meeting_processing_rule/"
    assert profile["mjx_meeting_processing_rules"] == [f"{rules}1/", f"{rules}2/"]
    deployment = await get(f"{API}/mjx_exchange_deployment/1/")
    assert deployment["mjx_integrations"] == [f"{API}/mjx_integration/1/"]
    assert [each["name"] for each in deployment["autodiscover_urls"]] == ["First"]
    group = await get(f"{API}/mjx_endpoint_group/1/")
    assert [each["name"] for each in group["endpoints"]] == ["Oak"]
    assert group["system_location"] == f"{API}/system_location/1/"
    for shown in (profile, deployment, group, *group["endpoints"]):
        assert not [name for name in shown if "password" in name or "secret" in name]
    listed = await server.client.objects(f"{API}/mjx_endpoint_group/")
    assert listed == [group]
    assert await server.client.objects(f"{API}/mjx_integration/") == [profile]


@pytest_twisted.ensureDeferred
async def test_what_is_read_can_be_sent_back(server: Server) -> None:
    """Clients that send the whole record that they have read change nothing."""
    await with_an_endpoint(server)
    for name in (
        "mjx_integration",
        "mjx_exchange_deployment",
        "mjx_endpoint_group",
        "mjx_endpoint",
        "mjx_meeting_processing_rule",
        "mjx_exchange_autodiscover_url",
    ):
        uri = f"{API}/{name}/1/"
        shown = await server.client.get(uri)
        answer = await server.client.ask("PUT", uri, shown)
        assert answer.status == 204, (name, answer.body)
        assert await server.client.get(uri) == shown


@pytest_twisted.ensureDeferred
async def test_endpoints_are_found_by_what_they_are_known_by(server: Server) -> None:
    """Room, account, group and name find an endpoint, by index, and through the
    group's profile."""
    await with_an_endpoint(server)
    endpoints = f"{API}/mjx_endpoint/"
    await server.client.create(
        endpoints,
        {
            "name": "Elm",
            "room_resource_email": "elm@example.test",
            "endpoint_type": "POLY",
            "poly_username": "elm",
            "poly_password": "x",
        },
    )
    for query, names in (
        ("room_resource_email=oak@example.test", ["Oak"]),
        ("room_resource_email__iexact=OAK@example.test", ["Oak"]),
        ("poly_username=elm", ["Elm"]),
        ("name=Elm", ["Elm"]),
        ("mjx_endpoint_group=1", ["Oak"]),
        ("mjx_endpoint_group__name=Floor", ["Oak"]),
        ("endpoint_type=POLY", ["Elm"]),
    ):
        found = await server.client.objects(f"{endpoints}?{query}")
        assert [each["name"] for each in found] == names, query


@pytest_twisted.ensureDeferred
async def test_secrets_are_sealed(server: Server) -> None:
    """What is stored of a password opens in its own place alone."""
    await with_an_endpoint(server)
    stored = server.store.get(tables.MJX_EXCHANGE_DEPLOYMENT, 1)
    assert stored is not None
    sealed = stored.service_account_password
    assert "horse" not in sealed
    context = "mjx_exchange_deployment/1/service_account_password"
    assert server.store.vault.unseal(sealed, context) == "correct horse"


@pytest_twisted.ensureDeferred
async def test_no_password_goes_without_https_by_another_record(server: Server) -> None:
    """A password that was entered for HTTPS is not sent in clear because the endpoint's
    profile, its group, or its group's profile is another one; sent along, it is."""
    await with_an_endpoint(server)
    ask = server.client.ask
    one, group, profile = (
        f"{API}/{name}/1/"
        for name in ("mjx_endpoint", "mjx_endpoint_group", "mjx_integration")
    )
    plain = {"name": "Plain", "exchange_deployment": 1, "ep_use_https": False}
    await server.client.create(f"{API}/mjx_integration/", plain)
    floor = {"name": "Other", "mjx_integration": 2, "system_location": 1}
    await server.client.create(f"{API}/mjx_endpoint_group/", floor)
    account = {"api_username": "u", "api_password": "secret"}
    assert (await ask("PATCH", one, account)).status == 202
    for uri, change, field in (
        (profile, {"ep_use_https": False}, "ep_use_https"),
        (group, {"mjx_integration": 2}, "mjx_integration"),
        (one, {"mjx_endpoint_group": 2}, "api_password"),
    ):
        answer = await ask("PATCH", uri, change)
        assert answer.status == 400, change
        (problems,) = answer.json.values()
        assert [*problems] == [field]
    assert (await ask("PATCH", one, {"use_https": "YES"})).status == 202
    assert (await ask("PATCH", profile, {"ep_use_https": False})).status == 202
    answer = await ask("PATCH", one, {"use_https": "GLOBAL"})
    assert (answer.status, [*answer.json["mjx_endpoint"]]) == (400, ["api_password"])
    again = {"use_https": "GLOBAL", "api_password": "secret"}
    assert (await ask("PATCH", one, again)).status == 202
    assert (await ask("PATCH", group, {"description": "x"})).status == 202
