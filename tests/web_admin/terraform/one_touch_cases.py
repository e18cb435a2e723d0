"""Configurations of One-Touch Join, as administrators write them for Terraform."""

from collections.abc import Mapping

from pexschedd.model.onetouch.profile import WEBEX_REDIRECT_PATH
from tests.web_admin.terraform.case import Case
from tests.web_admin.terraform.workspace import Block, Ref

LOCATION = Block("location", "system_location", {"name": "Oslo"})
OTHER_LOCATION = Block("other_location", "system_location", {"name": "Bergen"})
ROOMS = Block(
    "rooms",
    "mjx_exchange_deployment",
    {
        "name": "Rooms",
        "ews_url": "https://mail.example.com/EWS/Exchange.asmx",
        "service_account_username": "EXAMPLE\\rooms",
        "service_account_password": "correct horse",
        # What other ways to sign in need.
        "kerberos_realm": "EXAMPLE.COM",
        "oauth_client_id": "app",
        "oauth_client_secret": "hunter2",
        "oauth_redirect_uri": "https://vmr.example.com/oauth_redirect",
        "oauth_auth_endpoint": "https://login.example.com/authorize",
        "oauth_token_endpoint": "https://login.example.com/token",
    },
)
OTHER_ROOMS = Block(
    "other_rooms",
    "mjx_exchange_deployment",
    {
        "name": "Branch",
        "service_account_username": "branch",
        "service_account_password": "correct horse",
    },
)
TENANT = Block(
    "tenant",
    "mjx_graph_deployment",
    {
        "name": "Tenant",
        "client_id": "app",
        "client_secret": "hunter2",
        "oauth_token_url": "https://login.example.com/token",
    },
)
WORKSPACE = Block(
    "workspace",
    "mjx_google_deployment",
    {
        "name": "Workspace",
        "client_email": "rooms@example.com",
        "client_secret": "hunter2",
        "private_key": "key",
    },
)
PROFILE = Block(
    "profile",
    "mjx_integration",
    {
        "name": "Main office",
        "exchange_deployment": Ref("rooms"),
        "ep_username": "admin",
        "ep_password": "hunter2",
        "webex_client_secret": "hunter2",
    },
)
OTHER_PROFILE = Block(
    "other_profile",
    "mjx_integration",
    {"name": "Branch office", "exchange_deployment": Ref("rooms")},
)
GROUP = Block(
    "group",
    "mjx_endpoint_group",
    {
        "name": "First floor",
        "mjx_integration": Ref("profile"),
        "system_location": Ref("location"),
    },
)
OTHER_GROUP = Block("other_group", "mjx_endpoint_group", {"name": "Second floor"})
ENDPOINT = Block(
    "endpoint",
    "mjx_endpoint",
    {
        "name": "Oak",
        "room_resource_email": "oak@example.com",
        "mjx_endpoint_group": Ref("group"),
        "api_address": "oak.example.com",
        "api_username": "admin",
        "api_password": "hunter2",
        # What other types need.
        "poly_username": "oak",
        "poly_password": "hunter2",
        "webex_device_id": "device",
    },
)
OTHER_ENDPOINT = Block(
    "other_endpoint",
    "mjx_endpoint",
    {
        "name": "Elm",
        "room_resource_email": "elm@example.com",
        "mjx_endpoint_group": Ref("group"),
        "api_address": "elm.example.com",
    },
)

ONE_TOUCH_CASES: Mapping[str, Case] = {
    "system_location": Case(LOCATION),
    "mjx_exchange_deployment": Case(
        ROOMS,
        values={
            "ews_url": "https://mail2.example.com/EWS/Exchange.asmx",
            "kerberos_kdc_https_proxy": "https://kdc.example.com/KdcProxy",
        },
        needed=frozenset({"service_account_username", "service_account_password"}),
    ),
    "mjx_exchange_autodiscover_url": Case(
        Block(
            "autodiscover",
            "mjx_exchange_autodiscover_url",
            {
                "name": "First",
                "url": "https://mail.example.com/autodiscover/autodiscover.xml",
                "exchange_deployment": Ref("rooms"),
            },
        ),
        (ROOMS, OTHER_ROOMS),
        values={"exchange_deployment": Ref("other_rooms")},
    ),
    "mjx_graph_deployment": Case(
        TENANT, values={"graph_api_domain": "graph.microsoft.us"}
    ),
    "mjx_google_deployment": Case(
        WORKSPACE, values={"redirect_uri": "https://vmr.example.com/"}
    ),
    "mjx_integration": Case(
        PROFILE,
        (ROOMS, OTHER_ROOMS, TENANT, WORKSPACE),
        values={
            "exchange_deployment": Ref("other_rooms"),
            "google_deployment": Ref("workspace"),
            "graph_deployment": Ref("tenant"),
            "webex_redirect_uri": "https://vmr.example.com/",
        },
        also={
            "google_deployment": {"exchange_deployment": None},
            "graph_deployment": {"exchange_deployment": None},
            "use_webex": {
                "webex_client_id": "client",
                "webex_redirect_uri": f"https://vmr.example.com{WEBEX_REDIRECT_PATH}",
            },
        },
        needed=frozenset({"exchange_deployment"}),
    ),
    "mjx_meeting_processing_rule": Case(
        Block(
            "rule",
            "mjx_meeting_processing_rule",
            {
                "name": "Zoom",
                "priority": 30,
                "meeting_type": "zoom",
                "mjx_integration": Ref("profile"),
            },
        ),
        (ROOMS, PROFILE, OTHER_PROFILE),
        values={"mjx_integration": Ref("other_profile"), "domain": "example.com"},
        also={"default_processing_enabled": {"transform_rule": "{{ meeting_id }}@x"}},
    ),
    "mjx_endpoint_group": Case(
        GROUP,
        (ROOMS, PROFILE, OTHER_PROFILE, LOCATION, OTHER_LOCATION),
        values={
            "mjx_integration": Ref("other_profile"),
            "system_location": Ref("other_location"),
        },
    ),
    "mjx_endpoint": Case(
        ENDPOINT,
        (ROOMS, PROFILE, LOCATION, GROUP, OTHER_GROUP),
        values={"mjx_endpoint_group": Ref("other_group")},
        needed=frozenset({"api_address", "api_username"}),
    ),
    "mjx_screen_token": Case(
        Block(
            "door",
            "mjx_screen_token",
            {"name": "Door sign", "mjx_endpoint": Ref("endpoint")},
        ),
        (ROOMS, PROFILE, LOCATION, GROUP, ENDPOINT, OTHER_ENDPOINT),
        values={"mjx_endpoint": Ref("other_endpoint")},
    ),
}
"""In the order of reference."""
