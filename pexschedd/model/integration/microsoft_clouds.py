"""Microsoft's clouds: where Graph is, and where its tokens come from. Pure.

Sources: "Microsoft Graph national cloud deployments"; "National clouds" of the
Microsoft identity platform. A token of one cloud is of no use in another.
"""

import re
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

import msgspec

from pexschedd.model.fields import addresses
from pexschedd.model.integration.user_sign_in import NO_TENANT


class MicrosoftCloud(msgspec.Struct, frozen=True):
    """One of the clouds, with the hosts that belong to it."""

    graph: str
    """The host of Microsoft Graph."""
    sign_in: tuple[str, ...]
    """The hosts of token endpoints, the usual one first."""


CLOUDS = (
    MicrosoftCloud(
        "graph.microsoft.com",
        ("login.microsoftonline.com", "login.microsoft.com", "login.windows.net"),
    ),
    MicrosoftCloud("graph.microsoft.us", ("login.microsoftonline.us",)),
    MicrosoftCloud("dod-graph.microsoft.us", ("login.microsoftonline.us",)),
    MicrosoftCloud(
        "microsoftgraph.chinacloudapi.cn",
        ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"),
    ),
)
"""The global cloud, US Government L4 and L5 (DoD), and China (21Vianet)."""

_BY_GRAPH = {cloud.graph: cloud for cloud in CLOUDS}
_HOSTS = ", ".join(_BY_GRAPH)
_PATH = "/oauth2/v2.0/token"
_V2 = re.compile(r"/([^/]+)/oauth2/v2\.0/token")
_V1 = re.compile(r"(/[^/]+)?/oauth2/token/?")
_SERVICES = (
    *("office.com", "office365.com", "outlook.com", "microsoft.com", "windows.net"),
    *("microsoftonline.com", "office365.us", "microsoftonline.us", "microsoft.us"),
    *("microsoftonline.cn", "chinacloudapi.cn", "partner.outlook.cn", "sharepoint.com"),
)
"""Domains of Microsoft's services: no customer's tenant has a name there. Those of
tenants end in onmicrosoft.com, onmicrosoft.us or onmschina.cn."""


def graph_domain(value: str) -> str | None:
    """Check a host of Microsoft Graph: a cloud's, or this machine, with an optional
    port."""
    if not value or value in _BY_GRAPH or is_local(value):
        return None
    return (
        f"This must be the host of Microsoft Graph in your cloud: {_HOSTS}; "
        "or a loopback address, with :port if it is not 80, to try things out."
    )


def is_local(domain: str) -> bool:
    """Return True if a host of Graph, with an optional port, is this machine."""
    if addresses.host_and_port(domain) is not None:
        return False
    return addresses.is_loopback(urlsplit(f"//{domain}").hostname or "")


def graph_origin(domain: str) -> str:
    """Return scheme and host of Graph. On loopback it is spoken to without TLS."""
    return f"http://{domain}" if is_local(domain) else f"https://{domain}"


def token_endpoint_problem(url: str, domain: str) -> str | None:
    """Return what is wrong with a token endpoint for Graph at `domain`, or None.

    What is wrong with the URL as such, or with the domain, is for their own checks.
    """
    if not url or addresses.http_url(url) or graph_domain(domain):
        return None
    parts = urlsplit(url)
    return _host_problem(parts.hostname or "", domain) or _path_problem(parts)


def client_id_problem(client_id: str, token_endpoint: str) -> str | None:
    """Return what is wrong with an application's id in Entra ID, or None."""
    if not client_id:
        return None
    where = "the Application (client) ID on the overview of the app registration"
    if not is_guid(client_id):
        return f"This must be {where}, a GUID."
    tenant = _V2.fullmatch(urlsplit(token_endpoint).path)
    if tenant is not None and tenant[1].lower() == client_id.lower():
        return f"This is the tenant's id. It must be {where}."
    return None


def secret_problem(secret: str) -> str | None:
    """Return what is wrong with a client secret of Entra ID, or None.

    A sealed one always passes.
    """
    if is_guid(secret.strip()):
        return (
            "This is the id of a client secret and not its value. The value is shown "
            "once, when the secret is made: make a new one if you do not have it."
        )
    return None


def is_guid(text: str) -> bool:
    """Return whether a text is a GUID in its usual form, with hyphens."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _host_problem(host: str, domain: str) -> str | None:
    cloud = _BY_GRAPH.get(domain)
    if addresses.is_loopback(host):
        return None
    if cloud is None:
        return (
            f"This must be a loopback address, too, as {domain} is one: Microsoft "
            "gives no tokens for it."
        )
    if host in cloud.sign_in:
        return None
    right = f"for {domain} this must begin with https://{cloud.sign_in[0]}/"
    others = [each.graph for each in CLOUDS if host in each.sign_in]
    if others:
        return (
            f"{host} gives tokens for {' and '.join(others)}: {right}, unless the "
            "graph_api_domain is wrong."
        )
    return f"{host} gives no tokens for Microsoft Graph: {right}."


def _path_problem(parts: SplitResult) -> str | None:
    example = f"{parts.scheme}://{parts.netloc}/<tenant>{_PATH}"
    tenant = _V2.fullmatch(parts.path)
    if tenant is None or parts.query or parts.fragment:
        old = "This is version 1 of the endpoint. " if _V1.fullmatch(parts.path) else ""
        return f"{old}This must be {example}, and nothing after that."
    found = _tenant_problem(tenant[1])
    return found and (
        f"{found} Enter your tenant's id (a GUID), or one of its domain names such as "
        f"example.onmicrosoft.com: {example}."
    )


def _tenant_problem(tenant: str) -> str | None:
    if is_guid(tenant):
        return None
    name = tenant.lower()
    if name in NO_TENANT:
        return f'"{tenant}" stands for any organization.'
    if any(name == each or name.endswith(f".{each}") for each in _SERVICES):
        return f"{tenant} is a service of Microsoft and not a tenant."
    is_name = "." in name.strip(".") and addresses.is_host(name)
    if not is_name or re.fullmatch(r"[0-9.]+", name):
        return f'"{tenant}" is no tenant.'
    return None
