"""The tables that administrators change. Pure."""

from collections.abc import Mapping

from pexschedd.model import tables

RECORDED: Mapping[str, str] = {
    **{
        table.name: table.name
        for table in (
            tables.CONNECTOR,
            tables.EXCHANGE_DOMAIN,
            tables.ADMINISTRATOR,
            tables.API_TOKEN,
            tables.OAUTH2_CLIENT,
            tables.CA_CERTIFICATE,
            tables.IVR_THEME,
            tables.IDENTITY_PROVIDER_GROUP,
            tables.SYSTEM_LOCATION,
            tables.MJX_INTEGRATION,
            tables.MJX_ENDPOINT_GROUP,
            tables.MJX_ENDPOINT,
            tables.SCREEN_TOKEN,
            tables.MJX_EXCHANGE_DEPLOYMENT,
            tables.MJX_AUTODISCOVER_URL,
            tables.MJX_GRAPH_DEPLOYMENT,
            tables.MJX_GOOGLE_DEPLOYMENT,
            tables.MJX_PROCESSING_RULE,
            tables.SCHEDULED_ALIAS,
            tables.CONFERENCE,
            tables.CONFERENCE_ALIAS,
            tables.SCHEDULED_CONFERENCE,
            tables.RECURRING_CONFERENCE,
            tables.END_USER,
        )
    },
    tables.TROUBLED.name: "exchange_set_aside_message",
}
"""The tables whose changes are recorded, each with its resource."""
