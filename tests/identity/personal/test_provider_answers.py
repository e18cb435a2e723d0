"""What identity providers publish and answer, read without trusting any of it."""

from typing import Any

import msgspec
import pytest

from pexschedd.identity.access_token import TenantDocuments
from pexschedd.identity.openid.documents import (
    configuration_in,
    federation_in,
    keys_in,
)
from pexschedd.identity.personal.answers import refusal
from pexschedd.identity.personal.faults import (
    CodeRefused,
    ProviderRefuses,
    ProviderUnreachable,
    SignInDeclined,
)
from pexschedd.identity.personal.provider_kinds import (
    SettingsWrong,
    UserProvider,
    provider_of,
)
from tests.identity.identity_support import Signer, signer
from tests.identity.personal.provider_support import (
    TENANT,
    TRUST,
    connector_with,
    federation_metadata,
    jwk,
)

LOGIN = "https://login.microsoftonline.com"


def provider(kind: str = "AZURE", **changes: Any) -> UserProvider:
    base = "https://adfs.example.test/adfs/oauth2"
    if kind == "AZURE":
        base = f"{LOGIN}/{TENANT}/oauth2/v2.0"
    values = {
        "auth_provider": kind,
        "personal_vmr_oauth_auth_endpoint": f"{base}/authorize",
        "personal_vmr_oauth_token_endpoint": f"{base}/token",
        "personal_vmr_oauth_client_id": "client",
        "personal_vmr_oauth_client_secret": "sealed",
        "personal_vmr_adfs_relying_party_trust_identifier": "https://vc.example.test/p",
    }
    return provider_of(connector_with(**values | changes))


def test_one_name_for_one_provider() -> None:
    """A refusal calls it the same, whichever of its users has read its documents."""
    assert provider().label == TenantDocuments(LOGIN).label == "Entra ID"


def test_places_of_azure() -> None:
    """Documents and directory follow from the endpoint; the tenant is pinned."""
    azure = provider()
    assert azure.metadata_url == (
        f"{LOGIN}/{TENANT}/v2.0/.well-known/openid-configuration"
    )
    assert azure.tenant_id == TENANT
    assert azure.graph == "https://graph.microsoft.com"
    assert azure.federation_url == ""


@pytest.mark.parametrize(
    ("login", "graph"),
    [
        ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
        (
            "https://login.partner.microsoftonline.cn",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
    ],
)
def test_other_clouds(login: str, graph: str) -> None:
    """The directory is that of the cloud in which users sign in."""
    endpoint = f"{login}/{TENANT}/oauth2/v2.0/authorize"
    assert provider(personal_vmr_oauth_auth_endpoint=endpoint).graph == graph


def test_places_of_ad_fs() -> None:
    """AD FS has an OpenID configuration, and federation metadata; no directory."""
    adfs = provider("ADFS")
    assert adfs.metadata_url == (
        "https://adfs.example.test/adfs/.well-known/openid-configuration"
    )
    assert adfs.federation_url == (
        "https://adfs.example.test/FederationMetadata/2007-06/FederationMetadata.xml"
    )
    assert (adfs.graph, adfs.client_secret) == ("", "")


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers", "COMMON"])
def test_no_tenant_of_all(tenant: str) -> None:
    """Endpoints that let people of all organizations in are refused."""
    endpoint = f"{LOGIN}/{tenant}/oauth2/v2.0/authorize"
    with pytest.raises(SettingsWrong, match="your tenant"):
        provider(personal_vmr_oauth_auth_endpoint=endpoint)


@pytest.mark.parametrize(
    ("error", "description", "kind", "about_secret", "word"),
    [
        ("invalid_client", "AADSTS7000215: x", ProviderRefuses, True, "value"),
        ("invalid_client", "AADSTS7000222: x", ProviderRefuses, True, "expired"),
        ("invalid_client", "", ProviderRefuses, True, "client_secret"),
        ("unauthorized_client", "AADSTS700016", ProviderRefuses, False, "client_id"),
        ("invalid_request", "AADSTS50011: x", ProviderRefuses, False, "letter by"),
        ("access_denied", "", SignInDeclined, False, "declined"),
        ("invalid_grant", "AADSTS50105: x", SignInDeclined, False, "assigned"),
        ("temporarily_unavailable", "", ProviderUnreachable, False, "busy"),
        ("invalid_grant", "AADSTS54005: x", CodeRefused, False, "can sign in again"),
        ("invalid_grant", "AADSTS50011: x", ProviderRefuses, False, "letter by"),
        ("something_new", "AADSTS123456: x", ProviderRefuses, False, "AADSTS123456"),
        ("x\x1b[31m" * 50, "", ProviderRefuses, False, "x?[31m"),
        ("", "", ProviderRefuses, False, "no error code"),
    ],
)
def test_refusals(
    error: str, description: str, kind: type[Exception], about_secret: bool, word: str
) -> None:
    """A provider's code leads to a remedy; its own text is never shown."""
    found = refusal(error, description, provider())
    assert type(found) is kind
    assert word in found.message
    assert "\x1b" not in found.message
    assert getattr(found, "about_secret", False) == about_secret


def test_ad_fs_has_no_secret_to_refuse() -> None:
    """The same code means another thing at AD FS: the client is not known."""
    found = refusal("invalid_client", "", provider("ADFS"))
    assert isinstance(found, ProviderRefuses)
    assert not found.about_secret
    assert "Get-AdfsClient" in found.message


def document(**changes: Any) -> bytes:
    given = {"issuer": "https://a.test/v2.0", "jwks_uri": "https://a.test/keys"}
    return msgspec.json.encode(given | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": None},
        {"jwks_uri": 7},
        {"issuer": "https://a.test/{tenantid}/v2.0"},
        {"jwks_uri": "https://b.test/keys"},
        {"jwks_uri": "http://a.test/keys"},
        {"jwks_uri": "https://a.test:8443/keys"},
        {"jwks_uri": "https://a.test@b.test/keys"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_configurations_that_are_refused(changes: dict[str, Any]) -> None:
    """Keys come from the same server, over TLS, and the issuer is one organization."""
    with pytest.raises(ValueError, match="it "):
        configuration_in(document(**changes), "https://a.test/.well-known")


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"[" * 100_000, b"\xff", b"{}"])
def test_documents_that_are_none(body: bytes) -> None:
    """What is no document is refused with words, whatever it is."""
    for read in (
        lambda: configuration_in(body, "https://a.test/"),
        lambda: keys_in(body),
        lambda: federation_in(body),
    ):
        with pytest.raises(ValueError, match="it "):
            read()


def test_keys() -> None:
    """RSA keys for signatures are taken, of 2048 bits at least; the others are not."""
    good, weak = jwk(signer()), jwk(Signer(bits=1024), kid="weak", x5t="weak")
    others: list[Any] = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "hmac"},
        {"kty": "EC", "kid": "curve"},
        jwk(signer(1), use="enc", kid="enc", x5t="enc"),
        weak,
        {"kty": "RSA", "kid": "empty"},
        "key",
        None,
    ]
    found = keys_in(msgspec.json.encode({"keys": [*others, good]}))
    assert set(found) == {signer().x5t}
    with pytest.raises(ValueError, match="2048"):
        keys_in(msgspec.json.encode({"keys": others}))


def test_federation_metadata() -> None:
    """Name and signing keys of an old AD FS come from its federation metadata."""
    found = federation_in(federation_metadata(signer()))
    assert found.issuers == (TRUST,)
    assert set(found.keys) == {signer().x5t}


@pytest.mark.parametrize(
    "before",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/dtd">',
        "<other/>",
    ],
)
def test_federation_metadata_that_is_refused(before: str) -> None:
    """A document type, with entities or from elsewhere, has no place in it."""
    text = federation_metadata(signer()).decode().removeprefix('<?xml version="1.0"?>')
    with pytest.raises(ValueError, match="not federation metadata"):
        federation_in((before + text).encode())
