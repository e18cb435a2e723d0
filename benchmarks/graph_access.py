"""Access of benchmarks to the sandbox's Microsoft Graph: the sandbox's side and ours.

The same mailboxes are there for EWS; over Graph a request is answered by the event that
the calendar attendant makes of it.
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from pexschedd.sandbox import Account, Processing, Sandbox
from pexschedd.sandbox.graph.settings import GraphSettings
from pexschedd.sandbox.graph.signin.applications import GraphApplication

CLIENT, SECRET = "11111111-2222-3333-4444-555555555555", "s3"
TENANT = "contoso.test"
HTTP = "GraphHttp"
"""The count of HTTP requests among the sandbox's calls; the others are of what is asked
for, each request of a batch by itself."""


def with_attendant(accounts: Iterable[Account], *mailboxes: str) -> list[Account]:
    """Return the accounts, of which these mailboxes get the calendar attendant."""
    return [
        replace(each, processing=Processing.AUTO_UPDATE)
        if each.address in mailboxes
        else each
        for each in accounts
    ]


def open_graph(box: Sandbox, **settings: Any) -> None:
    """Let an application in, with settings of the organisation, and count the HTTP
    requests."""
    box.graph.applications.add(
        GraphApplication(client_id=CLIENT, tenant=TENANT, secret=SECRET)
    )
    box.graph.settings = GraphSettings(**settings)
    serve: Any = box.graph.serve

    async def counted(request: Any) -> Any:
        box.calls[HTTP] += 1
        return await serve(request)

    box.graph.serve = counted  # type: ignore[method-assign]


def graph_fields(url: str) -> dict[str, str]:
    """Return the fields of an integration over Graph; the secret is `SECRET`."""
    return {
        "mailbox_protocol": "GRAPH",
        "graph_api_domain": url.removeprefix("http://"),
        "oauth_client_id": CLIENT,
        "oauth_token_endpoint": f"{url}/{TENANT}/oauth2/v2.0/token",
    }


def sealed_graph_fields(url: str, vault: Any, uuid: str) -> dict[str, Any]:
    """Return the fields of a record, with the secret as the store keeps it."""
    place = f"ms_exchange_connector/{uuid}/oauth_client_secret"
    return {**graph_fields(url), "oauth_client_secret": vault.seal(SECRET, place)}
