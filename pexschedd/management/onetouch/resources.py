"""The resources of One-Touch Join. Pure."""

from typing import Any

from pexschedd.management.resource import Children, Referrer, Resource
from pexschedd.model import tables
from pexschedd.model.tables import owner_key


def _same(value: Any) -> Any:
    return value


def _folded(text: str | None) -> str | None:
    return (text or "").strip().casefold() or None


SYSTEM_LOCATION = Resource(
    tables.SYSTEM_LOCATION,
    referrers=(
        Referrer("mjx_endpoint_group", "system_location", tables.MJX_GROUP_BY_LOCATION),
    ),
)
MJX_EXCHANGE_DEPLOYMENT = Resource(
    tables.MJX_EXCHANGE_DEPLOYMENT,
    children=(
        Children(
            "autodiscover_urls",
            "mjx_exchange_autodiscover_url",
            "exchange_deployment",
            tables.MJX_AUTODISCOVER_URL_BY_DEPLOYMENT,
        ),
    ),
    referrers=(
        Referrer(
            "mjx_integration",
            "exchange_deployment",
            tables.MJX_INTEGRATION_BY_EXCHANGE,
            "mjx_integrations",
        ),
    ),
)
MJX_AUTODISCOVER_URL = Resource(
    tables.MJX_AUTODISCOVER_URL,
    finders={"exchange_deployment": (tables.MJX_AUTODISCOVER_URL_BY_DEPLOYMENT, _same)},
)
MJX_GRAPH_DEPLOYMENT = Resource(
    tables.MJX_GRAPH_DEPLOYMENT,
    referrers=(
        Referrer(
            "mjx_integration",
            "graph_deployment",
            tables.MJX_INTEGRATION_BY_GRAPH,
            "mjx_integrations",
        ),
    ),
)
MJX_GOOGLE_DEPLOYMENT = Resource(
    tables.MJX_GOOGLE_DEPLOYMENT,
    referrers=(
        Referrer(
            "mjx_integration",
            "google_deployment",
            tables.MJX_INTEGRATION_BY_GOOGLE,
            "mjx_integrations",
        ),
    ),
)
MJX_INTEGRATION = Resource(
    tables.MJX_INTEGRATION,
    children=(
        Children(
            "mjx_meeting_processing_rules",
            "mjx_meeting_processing_rule",
            "mjx_integration",
            tables.MJX_RULE_BY_INTEGRATION,
            nested=False,
        ),
    ),
    referrers=(
        Referrer(
            "mjx_endpoint_group",
            "mjx_integration",
            tables.MJX_GROUP_BY_INTEGRATION,
            "endpoint_groups",
            nested=True,
        ),
    ),
)
MJX_PROCESSING_RULE = Resource(
    tables.MJX_PROCESSING_RULE,
    finders={"mjx_integration": (tables.MJX_RULE_BY_INTEGRATION, _same)},
)
MJX_ENDPOINT_GROUP = Resource(
    tables.MJX_ENDPOINT_GROUP,
    referrers=(
        Referrer(
            "mjx_endpoint",
            "mjx_endpoint_group",
            tables.MJX_ENDPOINT_BY_GROUP,
            "endpoints",
            nested=True,
        ),
    ),
    finders={"mjx_integration": (tables.MJX_GROUP_BY_INTEGRATION, _same)},
)
MJX_ENDPOINT = Resource(
    tables.MJX_ENDPOINT,
    finders={
        "name": (tables.MJX_ENDPOINT_BY_NAME, _same),
        "room_resource_email": (tables.MJX_ENDPOINT_BY_ROOM, owner_key),
        "poly_username": (tables.MJX_ENDPOINT_BY_POLY_USERNAME, _folded),
        "mjx_endpoint_group": (tables.MJX_ENDPOINT_BY_GROUP, _same),
    },
)
MJX_SCREEN_TOKEN = Resource(
    tables.SCREEN_TOKEN,
    finders={"mjx_endpoint": (tables.SCREEN_TOKEN_BY_ENDPOINT, _same)},
    fixed=True,
    issued=True,
)

ONE_TOUCH_JOIN = (
    SYSTEM_LOCATION,
    MJX_EXCHANGE_DEPLOYMENT,
    MJX_AUTODISCOVER_URL,
    MJX_GRAPH_DEPLOYMENT,
    MJX_GOOGLE_DEPLOYMENT,
    MJX_INTEGRATION,
    MJX_PROCESSING_RULE,
    MJX_ENDPOINT_GROUP,
    MJX_ENDPOINT,
    MJX_SCREEN_TOKEN,
)
"""In the order of reference: what a record refers to comes before it."""
