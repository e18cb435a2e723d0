"""The access to rooms by Microsoft Graph, the platform's `mjx_graph_deployment`."""

from typing import Annotated

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields.declaration import Destination, Field, Record
from pexschedd.model.fields.secret_destinations import differs, other_server


class GraphDeployment(Record, frozen=True, kw_only=True):
    """A tenant whose rooms would be read by Microsoft Graph; none is read yet."""

    name: Annotated[str, kinds.record_name("What this deployment is called.")]
    description: Annotated[str, kinds.notes()] = ""
    client_id: Annotated[
        str,
        Field(
            label="Client ID",
            help="The application (client) id.",
            min_length=1,
            max_length=250,
        ),
    ]
    client_secret: Annotated[
        str,
        Field(
            label="Client secret",
            help="The application's secret.",
            max_length=100,
            secret=True,
            sent_by=(
                Destination("oauth_token_url", other_server),
                Destination("graph_api_domain", differs),
            ),
        ),
    ] = ""
    oauth_token_url: Annotated[
        str,
        Field(
            label="OAuth token URL",
            help="The tenant's token endpoint (v2).",
            min_length=1,
            max_length=255,
            checks=(addresses.http_url,),
        ),
    ]
    graph_api_domain: Annotated[
        str,
        Field(
            label="Graph API domain",
            help="The host of Microsoft Graph; national clouds have others.",
            min_length=1,
            max_length=192,
            checks=(addresses.host,),
        ),
    ] = "graph.microsoft.com"
    request_quota: Annotated[
        int,
        Field(
            label="Request quota",
            help="How many requests are sent in 24 hours at most.",
            minimum=10_000,
            maximum=10_000_000,
        ),
    ] = 1_000_000
    disable_proxy: Annotated[
        bool,
        Field(label="Disable proxy", help="Reach Graph without the web proxy."),
    ] = False
