"""The resources of One-Touch Join through the API: what is refused, kept, and said."""

from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.model import tables
from tests.web_admin.web_admin_support import API, Answer, Server

ROOMS = {
    "name": "Rooms",
    "ews_url": "https://mail.example.test/EWS/Exchange.asmx",
    "service_account_username": "rooms",
    "service_account_password": "correct horse",
}
TENANT = {
    "name": "Tenant",
    "client_id": "app",
    "oauth_token_url": "https://login.example.test/token",
}
WORKSPACE = {"name": "Workspace", "client_email": "a@b.test", "private_key": "key"}
PROFILE = {"name": "Office", "exchange_deployment": 1}
WEBEX = {
    "use_webex": True,
    "webex_client_id": "client",
    "webex_client_secret": "secret",
    "webex_redirect_uri": "https://vmr.example.test/admin/platform/mjxintegration/"
    "oauth_redirect/",
}
RULE = {"name": "Zoom", "mjx_integration": 1, "priority": 30, "meeting_type": "zoom"}
NEW_RULE = {**RULE, "name": "x"}
ENDPOINT = {
    "name": "Oak",
    "room_resource_email": "oak@example.test",
    "mjx_endpoint_group": 1,
    "api_address": "oak.example.test",
}


async def with_an_endpoint(server: Server) -> None:
    """A deployment with an address of Autodiscover, a profile with two rules, a group
    and an endpoint, each with the id 1."""
    url = {"name": "First", "url": "https://mail.example.test/autodiscover.xml"}
    for resource, record in (
        ("mjx_exchange_deployment", {**ROOMS, "autodiscover_urls": [url]}),
        ("mjx_integration", PROFILE),
        ("mjx_meeting_processing_rule", RULE),
        ("mjx_meeting_processing_rule", {**RULE, "name": "Again", "priority": 31}),
        ("system_location", {"name": "Oslo"}),
        (
            "mjx_endpoint_group",
            {"name": "Floor", "mjx_integration": 1, "system_location": 1},
        ),
        ("mjx_endpoint", ENDPOINT),
    ):
        await server.client.create(f"{API}/{resource}/", record)


def notes(answer: Answer) -> list[str]:
    return list(answer.headers.getRawHeaders("x-configuration-warning") or [])


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


@pytest.mark.parametrize(
    ("resource", "record", "field", "words"),
    [
        ("mjx_integration", {"name": "x"}, "exchange_deployment", "needs the depl"),
        (
            "mjx_integration",
            {**PROFILE, "name": "x", "graph_deployment": 1},
            "graph_deployment",
            "one deployment, and this one has exchange_deployment",
        ),
        (
            "mjx_integration",
            {**PROFILE, "name": "x", "display_upcoming_meetings": 366},
            "display_upcoming_meetings",
            "from 0 to 365 days",
        ),
        (
            "mjx_integration",
            {**PROFILE, "name": "x", "replace_subject_template": "{{ body }}"},
            "replace_subject_template",
            "body",
        ),
        (
            "mjx_exchange_deployment",
            {**ROOMS, "name": "x", "find_items_request_quota": 9_999},
            "find_items_request_quota",
            "from 10000 to 10000000",
        ),
        (
            "mjx_exchange_deployment",
            {**ROOMS, "name": "x", "service_account_password": ""},
            "service_account_password",
            "authentication_method BASIC",
        ),
        (
            "mjx_exchange_deployment",
            {
                **ROOMS,
                "name": "x",
                "authentication_method": "APP_PERM",
                "oauth_client_id": "app",
                "oauth_token_endpoint": "https://login.example.test/token",
            },
            "oauth_client_secret",
            "authentication_method APP_PERM",
        ),
        (
            "mjx_exchange_deployment",
            {**ROOMS, "name": "x", "ews_url": "http://mail.example.test/"},
            "ews_url",
            "use https",
        ),
        (
            "mjx_graph_deployment",
            {**TENANT, "name": "x", "request_quota": 10_000_001},
            "request_quota",
            "from 10000 to 10000000",
        ),
        (
            "mjx_google_deployment",
            {**WORKSPACE, "name": "x", "maximum_number_of_api_requests": 1},
            "maximum_number_of_api_requests",
            "from 10000",
        ),
        (
            "mjx_endpoint",
            {"name": "x", "room_resource_email": "x@example.test"},
            "api_address",
            "endpoint_type CISCO",
        ),
        (
            "mjx_endpoint",
            {
                "name": "x",
                "room_resource_email": "x@example.test",
                "endpoint_type": "POLY",
                "poly_username": "x",
            },
            "poly_password",
            "endpoint_type POLY",
        ),
        (
            "mjx_endpoint",
            {
                "name": "x",
                "room_resource_email": "x@example.test",
                "endpoint_type": "WEBEX",
            },
            "webex_device_id",
            "endpoint_type WEBEX",
        ),
        *(
            (
                "mjx_endpoint",
                {
                    "name": "x",
                    "room_resource_email": "x@example.test",
                    "api_address": "x.example.test",
                    field: "a:b",
                },
                field,
                "A name with a colon cannot sign in",
            )
            for field in ("api_username", "poly_username")
        ),
        (
            "mjx_integration",
            {**PROFILE, "name": "x", "ep_username": "a:b"},
            "ep_username",
            "A name with a colon cannot sign in",
        ),
        *(
            (
                "mjx_integration",
                {**PROFILE, **WEBEX, "name": "x", field: value},
                field,
                words,
            )
            for field, value, words in (
                ("webex_client_id", None, "required with use_webex"),
                ("webex_client_secret", "", "required with use_webex"),
                ("webex_api_domain", "", "required with use_webex"),
                ("webex_redirect_uri", None, "required with use_webex"),
                ("webex_redirect_uri", "https://vmr.example.test/", "must end with"),
                ("webex_api_domain", "https://webexapis.com", ""),
            )
        ),
        (
            "mjx_endpoint",
            {**ENDPOINT, "name": "x", "room_resource_email": " OAK@example.test"[1:]},
            "room_resource_email",
            'The endpoint "Oak" is in this room already',
        ),
        (
            "mjx_endpoint",
            {**ENDPOINT, "room_resource_email": "x@example.test"},
            "name",
            "in use already",
        ),
        (
            "mjx_meeting_processing_rule",
            {**NEW_RULE, "meeting_type": "teams"},
            "domain",
            "need a domain to dial",
        ),
        (
            "mjx_meeting_processing_rule",
            {**NEW_RULE, "meeting_type": "regex", "match_string": "(?=x)"},
            "match_string",
            "",
        ),
        (
            "mjx_meeting_processing_rule",
            {**NEW_RULE, "meeting_type": "custom", "custom_template": "{{ subject }}"},
            "custom_template",
            "subject",
        ),
        (
            "mjx_meeting_processing_rule",
            {**NEW_RULE, "priority": 201},
            "priority",
            "from 1 to 200",
        ),
        (
            "mjx_meeting_processing_rule",
            {**NEW_RULE, "mjx_integration": 7},
            "mjx_integration",
            "There is no mjx_integration 7",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_does_not_fit_is_refused(
    server: Server, resource: str, record: Any, field: str, words: str
) -> None:
    """What cannot work is refused with the field, and what would be right."""
    await with_an_endpoint(server)
    await server.client.create(f"{API}/mjx_graph_deployment/", TENANT)
    problems = await server.client.refused("POST", f"{API}/{resource}/", record)
    assert list(problems) == [field]
    assert words in problems[field][0]


@pytest_twisted.ensureDeferred
async def test_rules_of_a_profile_have_different_names(server: Server) -> None:
    """Reports name rules by their names; other profiles may have the same ones."""
    await with_an_endpoint(server)
    rules = f"{API}/mjx_meeting_processing_rule/"
    problems = await server.client.refused("POST", rules, RULE | {"priority": 99})
    (text,) = problems["name"]
    assert text.startswith("Another rule of this profile has this name.")
    other = {"name": "Other", "exchange_deployment": 1}
    await server.client.create(f"{API}/mjx_integration/", other)
    await server.client.create(rules, RULE | {"mjx_integration": 2})


@pytest_twisted.ensureDeferred
async def test_two_poly_endpoints_need_two_accounts(server: Server) -> None:
    """A name with which an endpoint signs in is another one's in no case."""
    poly = {"endpoint_type": "POLY", "poly_username": "Oak", "poly_password": "x"}
    endpoints = f"{API}/mjx_endpoint/"
    first = {"name": "Oak", "room_resource_email": "oak@example.test", **poly}
    await server.client.create(endpoints, first)
    second = {"name": "Elm", "room_resource_email": "elm@example.test", **poly}
    second["poly_username"] = "OAK"
    problems = await server.client.refused("POST", endpoints, second)
    (text,) = problems["poly_username"]
    assert 'The endpoint "Oak" uses this name already' in text


@pytest_twisted.ensureDeferred
async def test_what_is_not_read_yet_is_said(server: Server) -> None:
    """Google deployments are kept, and each save says that nothing comes of it; so it
    is with OAUTH until a person has signed in, and with an application without a
    secret. The others are saved without a word."""
    ask = server.client.ask
    answer = await ask("POST", f"{API}/mjx_exchange_deployment/", ROOMS)
    assert notes(answer) == []
    assert notes(await ask("POST", f"{API}/mjx_integration/", PROFILE)) == []
    await server.client.create(f"{API}/mjx_google_deployment/", WORKSPACE)
    profile = {"name": "google", "google_deployment": 1}
    answer = await ask("POST", f"{API}/mjx_integration/", profile)
    assert answer.status == 201
    (text,) = notes(answer)
    assert "google_deployment: This server does not read" in text
    assert "rooms of this profile are not read" in text
    tenant = {
        **TENANT,
        "client_secret": "value",
        "oauth_token_url": "https://login.microsoftonline.com/contoso.test/oauth2/v2.0"
        "/token",
    }
    assert notes(await ask("POST", f"{API}/mjx_graph_deployment/", tenant)) == []
    elsewhere = {
        **tenant,
        "name": "Elsewhere",
        "oauth_token_url": TENANT["oauth_token_url"],
    }
    (text,) = notes(await ask("POST", f"{API}/mjx_graph_deployment/", elsewhere))
    assert text.startswith("oauth_token_url: ")
    without = {**tenant, "name": "Other", "client_secret": ""}
    (text,) = notes(await ask("POST", f"{API}/mjx_graph_deployment/", without))
    assert "client_secret: Without the application's secret no room" in text
    profile = {"name": "graph", "graph_deployment": 1}
    assert notes(await ask("POST", f"{API}/mjx_integration/", profile)) == []
    oauth = {
        **ROOMS,
        "name": "Other",
        "authentication_method": "OAUTH",
        "oauth_client_id": "app",
        "oauth_auth_endpoint": "https://login.example.test/authorize",
        "oauth_token_endpoint": "https://login.example.test/token",
        "oauth_redirect_uri": "https://vmr.example.test/admin/platform/"
        "mjxexchangedeployment/oauth_redirect/",
    }
    (text,) = notes(await ask("POST", f"{API}/mjx_exchange_deployment/", oauth))
    assert "Nobody has signed in to the service account yet. Sign in at" in text
    assert "no room of this deployment is read" in text
    moved = {"ews_url": "", "service_account_password": "entered again"}
    (text,) = notes(await ask("PATCH", f"{API}/mjx_exchange_deployment/2/", moved))
    assert "With OAUTH the EWS URL is required" in text
    moved["ews_url"] = "https://outlook.office365.com/EWS/Exchange.asmx"
    path = f"{API}/mjx_exchange_deployment/2/"
    assert "Choose APP_PERM" in notes(await ask("PATCH", path, moved))[0]


@pytest_twisted.ensureDeferred
async def test_what_webex_still_needs_is_said(server: Server) -> None:
    """A profile that nobody has signed in for, the vendor's terms, and an endpoint
    whose profile does not use Webex are pointed out."""
    await with_an_endpoint(server)
    ask = server.client.ask
    profile = f"{API}/mjx_integration/1/"
    endpoint = {
        "name": "Elm",
        "room_resource_email": "elm@example.test",
        "mjx_endpoint_group": 1,
        "endpoint_type": "WEBEX",
        "webex_device_id": "device",
    }
    first, second = notes(await ask("POST", f"{API}/mjx_endpoint/", endpoint))
    assert "does not use Webex" in first
    assert "first endpoint of the type WEBEX" in second
    (text,) = notes(await ask("PATCH", profile, WEBEX))
    assert "Sign in at /admin/platform/mjxintegration/1/sign_in/" in text
    assert notes(await ask("PATCH", f"{API}/mjx_endpoint/2/", {"name": "E"})) == []
    found = server.store.get(tables.MJX_INTEGRATION, 1)
    assert found is not None
    signed_in = msgspec.structs.replace(found, webex_refresh_token="sealed")
    with server.store.transaction() as change:
        change.put(tables.MJX_INTEGRATION, signed_in)
        await change.commit()
    assert notes(await ask("PATCH", profile, {"description": "x"})) == []
    for field, value in (
        ("webex_client_id", "other"),
        ("webex_api_domain", "api.example.test"),
    ):
        with server.store.transaction() as change:
            change.put(tables.MJX_INTEGRATION, signed_in)
            await change.commit()
        more = {field: value, "webex_client_secret": "entered again"}
        assert (await ask("PATCH", profile, more)).status == 202
        found = server.store.get(tables.MJX_INTEGRATION, 1)
        assert found is not None
        assert found.webex_refresh_token == ""


@pytest_twisted.ensureDeferred
async def test_a_new_server_of_autodiscover_is_pointed_out(server: Server) -> None:
    """The service account signs in there with a password that was entered before."""
    await with_an_endpoint(server)
    urls = f"{API}/mjx_exchange_autodiscover_url/"
    new = {"name": "x", "url": "https://other.test/a.xml", "exchange_deployment": 1}
    (text,) = notes(await server.client.ask("POST", urls, new))
    assert "signs in at this server, too" in text
    same = {"url": "https://other.test/b.xml"}
    assert notes(await server.client.ask("PATCH", f"{urls}2/", same)) == []
    moved = {"url": "https://third.test/b.xml"}
    assert len(notes(await server.client.ask("PATCH", f"{urls}2/", moved))) == 1


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
async def test_the_first_cisco_endpoint_is_told_the_vendors_terms(
    server: Server,
) -> None:
    """Commercial use needs the vendor's permission: the first endpoint of that type
    says so, when it is made or becomes one, and no other does."""
    ask, endpoints = server.client.ask, f"{API}/mjx_endpoint/"
    first = ENDPOINT | {"mjx_endpoint_group": None}
    (text,) = notes(await ask("POST", endpoints, first))
    assert "needs its permission for commercial use" in text
    assert notes(await ask("PATCH", f"{endpoints}1/", {"description": "x"})) == []
    second = {
        "name": "Elm",
        "room_resource_email": "elm@example.test",
        "api_address": "elm.example.test",
    }
    assert notes(await ask("POST", endpoints, second)) == []
    await ask("DELETE", f"{endpoints}1/")
    poly = {"endpoint_type": "POLY", "poly_username": "elm", "poly_password": "x"}
    assert notes(await ask("PATCH", f"{endpoints}2/", poly)) == []
    (text,) = notes(await ask("PATCH", f"{endpoints}2/", {"endpoint_type": "CISCO"}))
    assert "commercial use" in text


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


@pytest_twisted.ensureDeferred
async def test_a_moved_address_of_autodiscover_is_pointed_out(server: Server) -> None:
    """An address that is given to another deployment is new to its account, whichever
    of the two records the request is for."""
    await with_an_endpoint(server)
    ask = server.client.ask
    for number, name in enumerate(("Second", "Third"), 2):
        other = {**ROOMS, "name": name}
        await server.client.create(f"{API}/mjx_exchange_deployment/", other)
        uri = f"{API}/mjx_exchange_autodiscover_url/1/"
        move: dict[str, Any] = {"exchange_deployment": number}
        if number == 3:
            move = {"autodiscover_urls": [uri]}
            uri = f"{API}/mjx_exchange_deployment/3/"
        answer = await ask("PATCH", uri, move)
        assert answer.status == 202
        (note,) = notes(answer)
        assert "be sure that the server may have it" in note


@pytest_twisted.ensureDeferred
async def test_a_new_mail_domain_is_pointed_out(server: Server) -> None:
    """Without an EWS URL the service account signs in at whatever servers the rooms'
    mail domains name: the first room of another domain is pointed out, by itself or
    moved there, and no other change."""
    await with_an_endpoint(server)
    endpoints, ask = f"{API}/mjx_endpoint/", server.client.ask

    async def noted(method: str, path: str, **changes: Any) -> str:
        answer = await ask(method, path, changes)
        assert answer.status in (201, 202)
        return " ".join(notes(answer))

    def new(room: str) -> dict[str, Any]:
        return {**ENDPOINT, "name": room, "room_resource_email": room}

    assert await noted("POST", endpoints, **new("elm@known.test")) == ""
    searched = {"ews_url": "", "service_account_password": "entered again"}
    await noted("PATCH", f"{API}/mjx_exchange_deployment/1/", **searched)
    text = await noted("POST", endpoints, **new("oak@other.test"))
    assert "the first room of other.test" in text
    assert "be sure that they may have it" in text
    assert await noted("POST", endpoints, **new("ash@OTHER.test")) == ""
    assert await noted("POST", endpoints, **new("fir@example.test")) == ""
    assert await noted("PATCH", f"{endpoints}1/", name="Oak again") == ""
    moved = {"room_resource_email": "oak@third.test"}
    assert "third.test" in await noted("PATCH", f"{endpoints}1/", **moved)
    account = {"service_account_username": "rooms@fourth.test"}
    await noted("PATCH", f"{API}/mjx_exchange_deployment/1/", **account)
    assert await noted("POST", endpoints, **new("oak@fourth.test")) == ""


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
