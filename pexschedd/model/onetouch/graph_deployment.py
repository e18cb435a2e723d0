"""The access to rooms by Microsoft Graph, the platform's `mjx_graph_deployment`."""

from collections.abc import Iterator
from typing import Annotated

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields.declaration import Destination, Field, Record
from pexschedd.model.fields.secret_destinations import differs, other_server
from pexschedd.model.integration.microsoft_clouds import graph_domain, secret_problem


class GraphDeployment(Record, frozen=True, kw_only=True):
    """A tenant of Microsoft 365, with the application that reads its rooms by Graph."""

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
            help="The host of Microsoft Graph in your cloud: graph.microsoft.com, "
            "graph.microsoft.us, dod-graph.microsoft.us or "
            "microsoftgraph.chinacloudapi.cn.",
            min_length=1,
            max_length=192,
            checks=(graph_domain,),
        ),
    ] = "graph.microsoft.com"
    request_quota: Annotated[
        int,
        Field(
            label="Request quota",
            help="How many requests are sent in 24 hours at most: how often each room "
            "is read follows from it.",
            minimum=10_000,
            maximum=10_000_000,
        ),
    ] = 1_000_000
    disable_proxy: Annotated[
        bool,
        Field(label="Disable proxy", help="Reach Graph without the web proxy."),
    ] = False

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the secret if it cannot be one, with the problem."""
        problem = secret_problem(self.client_secret)
        if problem is not None:
            yield "client_secret", problem
