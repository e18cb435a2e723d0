"""Records of One-Touch Join that do not fit: refused, with the field and the reason."""

from typing import Any

import pytest
import pytest_twisted

from tests.web_admin.one_touch_join_support import (
    ENDPOINT,
    PROFILE,
    ROOMS,
    RULE,
    TENANT,
    WEBEX,
    WORKSPACE,
    with_an_endpoint,
)
from tests.web_admin.web_admin_support import API, Server

NEW_RULE = {**RULE, "name": "x"}


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
