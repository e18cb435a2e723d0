"""Addresses of Microsoft's clouds: Graph's domains, tenants, and token endpoints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model.integration.microsoft_clouds import (
    CLOUDS,
    graph_domain,
    graph_origin,
    is_guid,
    secret_problem,
    token_endpoint_problem,
)
from tests.model.microsoft_addresses import ENDPOINT, GLOBAL, GUID, LOGIN, TENANT, V2


@pytest.mark.parametrize(
    ("domain", "is_right"),
    [
        *((cloud.graph, True) for cloud in CLOUDS),
        ("127.0.0.1", True),
        ("127.0.0.1:8080", True),
        ("localhost:8080", True),
        ("[::1]:8080", True),
        ("graph.microsoft.com:443", False),
        ("GRAPH.microsoft.com", False),
        ("graph.microsoft.com.evil.test", False),
        ("graph.example.test", False),
        ("graph.windows.net", False),
        ("https://graph.microsoft.com", False),
        ("graph.microsoft.com/v1.0", False),
        ("127.0.0.1:0", False),
        ("127.0.0.1:80/v1.0", False),
        ("127.0.0.1@evil.test", False),
        ("10.0.0.1", False),
    ],
)
def test_graph_domain(domain: str, is_right: bool) -> None:
    """A cloud's host, or this machine; nothing else gets a token."""
    problem = graph_domain(domain)
    assert (problem is None) == is_right
    if problem is not None:
        assert "graph.microsoft.com" in problem
        assert "loopback" in problem


def test_graph_is_reached_by_tls_unless_it_is_here() -> None:
    """Plain http is for loopback alone."""
    for cloud in CLOUDS:
        assert graph_origin(cloud.graph) == f"https://{cloud.graph}"
    assert graph_origin("127.0.0.1:8080") == "http://127.0.0.1:8080"


TENANTS = [
    (GUID, ""),
    (GUID.upper(), ""),
    ("contoso.onmicrosoft.com", ""),
    ("contoso.onmicrosoft.us", ""),
    ("contoso.partner.onmschina.cn", ""),
    ("contoso.example", ""),
    ("outlook.example", ""),
    ("common", "any organization"),
    ("Organizations", "any organization"),
    ("consumers", "any organization"),
    ("outlook.office365.com", "is a service of Microsoft"),
    ("OUTLOOK.office365.com", "is a service of Microsoft"),
    ("login.microsoftonline.com", "is a service of Microsoft"),
    ("graph.microsoft.com", "is a service of Microsoft"),
    ("contoso.mail.protection.outlook.com", "is a service of Microsoft"),
    ("contoso", "is no tenant"),
    ("my-tenant-id", "is no tenant"),
    ("10.0.0.1", "is no tenant"),
    (GUID[:-1], "is no tenant"),
    ("..", "is no tenant"),
]


@pytest.mark.parametrize(("tenant", "text"), TENANTS)
def test_tenant(tenant: str, text: str) -> None:
    """A GUID or a name of the tenant's own; what else it may be is named."""
    problem = token_endpoint_problem(f"{LOGIN}/{tenant}/{V2}", GLOBAL)
    if not text:
        assert problem is None
        return
    assert problem is not None
    assert text in problem
    assert tenant in problem
    assert f"{LOGIN}/<tenant>/{V2}" in problem


@pytest.mark.parametrize(
    ("url", "domain", "text"),
    [
        (f"https://login.microsoft.com/{GUID}/{V2}", GLOBAL, ""),
        (f"https://login.microsoftonline.us/{TENANT}/{V2}", "graph.microsoft.us", ""),
        (
            f"https://login.microsoftonline.us/{TENANT}/{V2}",
            "dod-graph.microsoft.us",
            "",
        ),
        (
            f"https://login.partner.microsoftonline.cn/{GUID}/{V2}",
            "microsoftgraph.chinacloudapi.cn",
            "",
        ),
        (
            f"https://login.chinacloudapi.cn/{GUID}/{V2}",
            "microsoftgraph.chinacloudapi.cn",
            "",
        ),
        (f"http://127.0.0.1:8080/{GUID}/{V2}", "127.0.0.1:8080", ""),
        (f"http://127.0.0.1:8080/{GUID}/{V2}", GLOBAL, ""),
        (
            f"https://login.microsoftonline.us/{TENANT}/{V2}",
            GLOBAL,
            "graph.microsoft.us and dod-graph.microsoft.us: for graph.microsoft.com",
        ),
        (ENDPOINT, "graph.microsoft.us", "begin with https://login.microsoftonline.us"),
        (ENDPOINT, "127.0.0.1:8080", "must be a loopback address, too"),
        (f"https://evil.test/{GUID}/{V2}", GLOBAL, "gives no tokens for Microsoft"),
        (
            f"https://login.microsoftonline.com.evil.test/{GUID}/{V2}",
            GLOBAL,
            "gives no tokens for Microsoft",
        ),
        (f"{LOGIN}/{GUID}/oauth2/token", GLOBAL, "This is version 1"),
        (f"{LOGIN}/oauth2/token", GLOBAL, "This is version 1"),
        (f"{LOGIN}/{GUID}/oauth2/v2.0/authorize", GLOBAL, "This must be https://"),
        (f"{LOGIN}/{GUID}/{V2}/", GLOBAL, "This must be https://"),
        (f"{LOGIN}/{GUID}/{V2}?a=b", GLOBAL, "nothing after that"),
        (f"{LOGIN}/{GUID}/{V2}#a", GLOBAL, "nothing after that"),
        (f"{LOGIN}/a/{GUID}/{V2}", GLOBAL, "This must be https://"),
        (f"{LOGIN}/{V2}", GLOBAL, "This must be https://"),
        (LOGIN, GLOBAL, "This must be https://"),
    ],
)
def test_token_endpoint(url: str, domain: str, text: str) -> None:
    """Version 2 of a tenant's endpoint, in Graph's own cloud."""
    problem = token_endpoint_problem(url, domain)
    assert (problem is None) == (not text)
    assert text in (problem or "")


@given(url=st.text(), domain=st.sampled_from([GLOBAL, "127.0.0.1", "", "x y"]))
def test_any_text_is_judged(url: str, domain: str) -> None:
    """What is no URL is for the field's own check, and nothing raises an error."""
    for each in (url, f"https://{url}", f"{LOGIN}/{url}", f"{LOGIN}/{url}/{V2}"):
        token_endpoint_problem(each, domain)
        graph_domain(each)
        secret_problem(each)


def test_a_secrets_id_is_no_secret() -> None:
    """The value that Entra ID shows once looks otherwise than the id beside it."""
    for text in (GUID, GUID.upper(), f" {GUID} "):
        problem = secret_problem(text)
        assert problem is not None
        assert "value" in problem
    for text in ("", "Zx8~Q_abc.def-ghi", GUID.replace("-", ""), GUID + "1"):
        assert secret_problem(text) is None
    assert is_guid(GUID)
    assert not is_guid(f"{{{GUID}}}")
