"""The policies of the add-in's pages."""

from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.web.addin.headers import (
    AJAX,
    content_security_policy,
    frame_ancestors,
    is_covered,
)
from tests.web_addin.addin_support import CONNECTOR, Behind, Server

AUTHORITY = "https://login.microsoftonline.us/tenant"


def policy(*domains: str, **changes: Any) -> dict[str, list[str]]:
    text = content_security_policy(replace(CONNECTOR, **changes), domains)
    return {name: rest for name, *rest in map(str.split, text.split(";"))}


@pytest.mark.parametrize(
    ("additional", "ajax"),
    [
        ("", True),
        ("https://a.test/branding.js", True),
        ("https://a.test/office.js", True),
        ("https://a.test/MicrosoftAjax.js", False),
        ("https://a.test/branding.js\nhttps://a.test/microsoftajax.js", False),
        ("https://a.test/MicrosoftAjax.debug.js", False),
        ("https://a.test/NotMicrosoftAjax.js", True),
    ],
)
def test_microsofts_script(additional: str, ajax: bool) -> None:
    """office.js may load MicrosoftAjax.js, unless that comes from elsewhere."""
    found = policy(
        use_custom_add_in_sources=True, additional_add_in_script_sources=additional
    )
    assert (AJAX in found["script-src"]) == ajax


def test_where_the_pane_may_be_shown() -> None:
    """In Microsoft's Outlook, at the servers of the integration, where configured."""
    found = policy(
        "owa.example.test",
        "https://exchange.example.test:444/autodiscover/metadata/json/1",
        "a b",
        addin_frame_ancestors="https://mail.example.org",
    )["frame-ancestors"]
    assert found[0] == "'self'"
    assert found[-4:] == [
        "https://mail.example.test",  # that of the EWS URL
        "https://owa.example.test",
        "https://exchange.example.test:444",
        "https://mail.example.org",
    ]


@pytest.mark.parametrize(
    ("origin", "covered"),
    [
        ("https://outlook.office.com", True),
        ("https://mail.example.test:443", True),
        ("http://mail.example.test", False),
        ("https://mail.example.test:8443", False),
        ("https://a.wild.test:8443", True),
        ("https://wild.test:8443", False),
        ("https://a.wild.test", False),
        ("https://evil.test", False),
    ],
)
def test_which_origins_are_covered(origin: str, covered: bool) -> None:
    """The comparison is the browser's."""
    connector = replace(CONNECTOR, addin_frame_ancestors="https://*.wild.test:8443")
    assert is_covered(origin, frame_ancestors(connector, ())) == covered


def test_the_sign_in_of_microsoft_365() -> None:
    """Its addresses are in the policy for the method with which the pane asks there,
    and only then."""
    expected = [
        "https://login.microsoftonline.com",
        "https://login.microsoftonline.us",
    ]
    exchange = policy(addin_authority_url=AUTHORITY)
    for method in ("EXCHANGE_USER_ID_TOKEN", "SSO_TOKEN"):
        found = policy(
            addin_authentication_method=method, addin_authority_url=AUTHORITY
        )
        assert found == exchange
        assert found["connect-src"] == ["'self'"]
    found = policy(
        addin_authentication_method="NAA_TOKEN", addin_authority_url=AUTHORITY
    )
    assert found["connect-src"] == ["'self'", *expected]
    assert found["frame-src"][-2:] == expected
    assert found["script-src"] == exchange["script-src"]


@pytest_twisted.ensureDeferred
async def test_the_page_has_the_policy_and_is_noticed(
    server: Server, behind: Behind
) -> None:
    """The integration's domains may frame it, and its request tells the manifest."""
    behind.change(manifest_revision=7)
    behind.domains = ["owa.example.test"]
    answer = await server.get(
        "/1/addin?m=5",
        sec_fetch_dest="iframe",
        referer="https://other.example.test/owa/",
    )
    assert "https://owa.example.test" in answer.headers["content-security-policy"]
    connector = behind.connectors[1]
    used = server.visits.manifests(connector)
    assert used is not None
    assert (used.newest, used.oldest) == (5, 5)
    assert server.visits.refused_frames(connector) == ("https://other.example.test",)


@pytest.mark.parametrize("path", ["/1/addin", "/oauth_redirect", "/7/addin", "/../../"])
@pytest_twisted.ensureDeferred
async def test_no_page_forbids_frames_or_openers(server: Server, path: str) -> None:
    """Neither a page of the add-in nor the root, which Outlook is said to look at."""
    headers = (await server.get(path)).headers
    absent = {
        *("x-frame-options", "cross-origin-opener-policy", "set-cookie"),
        *("cross-origin-embedder-policy", "access-control-allow-origin"),
    }
    assert not absent & set(headers)
    assert headers["cache-control"] == "no-store"
