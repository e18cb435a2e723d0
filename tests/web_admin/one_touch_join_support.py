"""Records of One-Touch Join, as clients of the API send them."""

from tests.web_admin.web_admin_support import API, Server

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
