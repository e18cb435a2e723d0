"""Every way in which an access token of Microsoft 365 can be wrong, in its turn."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
import pytest_twisted
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace
from twisted.internet import reactor as _reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.web.server import Site

from pexschedd.errors import InvalidToken, Unavailable
from pexschedd.identity.access_token import check_issuer, read_access_token, rules_of
from pexschedd.identity.addin import AddinIdentity
from pexschedd.identity.addin_tokens import AccessTokens
from pexschedd.identity.openid.provider_documents import (
    RETRY_UNKNOWN_KEY,
    ProviderDocuments,
)
from pexschedd.identity.openid.token import MAX_TOKEN
from pexschedd.model.integration.connector import Connector
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.identity.identity_support import signer
from tests.identity.personal.provider_support import (
    NOW,
    OID,
    TENANT,
    IdentityProvider,
    jwk,
    signed,
)

reactor: Any = _reactor

API = "aaaaaaaa-0000-4000-8000-000000000001"
APP = "bbbbbbbb-0000-4000-8000-000000000002"
OTHER = "cccccccc-0000-4000-8000-000000000003"
HOST = "vc.example.test"
BEGIN = int(NOW.timestamp())
INSIDE = "http://127.0.0.1:1/keys"


class Tenant:
    """An integration for Microsoft 365, its tenant and the verification of tokens."""

    def __init__(self) -> None:
        self.idp = IdentityProvider()
        self.port = reactor.listenTCP(0, Site(self.idp), interface="127.0.0.1")
        self.idp.url = f"http://127.0.0.1:{self.port.getHost().port}"
        self.idp.play("AZURE")
        self.metadata = f"{self.idp.url}/{TENANT}/v2.0/.well-known/openid-configuration"
        self.clock = Clock()
        self.clock.advance(1000)
        client = Network(reactor, Trust()).http_client()
        self.documents = ProviderDocuments(lambda direct: client, self.clock)
        tokens = AccessTokens(self.documents)
        self.identity = AddinIdentity(
            {"NAA_TOKEN": tokens, "SSO_TOKEN": tokens}, self.now
        )
        self.naa = Connector(
            id=1,
            uuid="6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f",
            name="Head office",
            addin_server_domain=HOST,
            addin_authentication_method="NAA_TOKEN",
            addin_application_id=APP,
            addin_naa_web_api_application_id=API.upper(),
            addin_oidc_metadata_url=self.metadata,
        )
        self.sso = replace(
            self.naa, addin_authentication_method="SSO_TOKEN", addin_application_id=API
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.clock.seconds() - 1000)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a token of version 2.0; a change of None leaves one out."""
        given: dict[str, Any] = {
            "aud": API,
            "iss": self.idp.issuer,
            "iat": BEGIN,
            "nbf": BEGIN,
            "exp": BEGIN + 3600,
            "azp": APP,
            "scp": "access_as_user",
            "tid": TENANT,
            "oid": OID,
            "name": "Alice A",
            "preferred_username": "alice@example.test",
            "ver": "2.0",
        }
        given |= changes
        return {name: value for name, value in given.items() if value is not None}

    def token(self, **changes: Any) -> str:
        return signed(self.claims(**changes))


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    tenant = Tenant()
    yield tenant
    pytest_twisted.blockon(maybeDeferred(tenant.port.stopListening))


@pytest_twisted.ensureDeferred
async def test_the_user_of_a_token(tenant: Tenant) -> None:
    """The user is the pair of tenant and object, as the server knows it that publishes
    the keys, and keeps name and address."""
    user = await tenant.identity.verify(tenant.naa, tenant.token())
    assert user.user_id == f"{TENANT}:{OID} {tenant.idp.url}"
    assert (user.name, user.email) == ("Alice A", "alice@example.test")


@pytest_twisted.ensureDeferred
async def test_the_name_of_a_guest(tenant: Tenant) -> None:
    """What another organization calls a guest is not believed."""
    user = await tenant.identity.verify(tenant.naa, tenant.token(acct=1))
    assert user.user_id.startswith(f"{TENANT}:{OID} ")
    assert (user.name, user.email) == ("", "")


GOOD: dict[str, dict[str, Any]] = {
    "id": {},
    "URI": {"aud": f"api://{API}"},
    "URI with a host": {"aud": f"api://{HOST}/{API}"},
    "first version": {
        "aud": f"api://{API.upper()}",
        "azp": None,
        "appid": APP,
        "ver": "1.0",
        "preferred_username": None,
        "upn": "alice@example.test",
    },
    "scope of other registrations": {"scp": "User.Read PexipScheduling.Access"},
    "expired a little": {"exp": BEGIN - 290},
    "valid in a little": {"nbf": BEGIN + 290, "iat": BEGIN + 290},
}


@pytest.mark.parametrize("name", GOOD)
@pytest_twisted.ensureDeferred
async def test_good_tokens(tenant: Tenant, name: str) -> None:
    """All names of our API, both versions of tokens and clocks that differ a little."""
    user = await tenant.identity.verify(tenant.naa, tenant.token(**GOOD[name]))
    assert user.email == "alice@example.test"


@pytest_twisted.ensureDeferred
async def test_tokens_through_office(tenant: Tenant) -> None:
    """With SSO_TOKEN Office asks, for the one application that there is."""
    token = tenant.token(aud=f"api://{HOST}/{API}", azp=OTHER)
    user = await tenant.identity.verify(tenant.sso, token)
    assert user.user_id == f"{TENANT}:{OID} {tenant.idp.url}"
    with pytest.raises(InvalidToken, match="not for the application"):
        await tenant.identity.verify(tenant.sso, tenant.token(aud=APP))


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(text).decode().rstrip("=")


def unsigned(tenant: Tenant) -> str:
    return jwt.encode(tenant.claims(), "", algorithm="none", headers=_kid())


def by_hmac(tenant: Tenant) -> str:
    """A token signed by HMAC with the public key, which everybody knows."""
    pem = (
        signer()
        .key.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'} | _kid())}.{part(tenant.claims())}"
    return f"{text}.{part(hmac.digest(pem, text.encode(), 'sha256'))}"


def _kid() -> dict[str, str]:
    return {"kid": signer().x5t}


def bent(tenant: Tenant) -> str:
    head, _, signature = tenant.token().split(".")
    return f"{head}.{part(tenant.claims(oid=OTHER))}.{signature}"


def own_key(tenant: Tenant) -> str:
    """A token with the key that it is signed with in its header."""
    return signed(tenant.claims(), by=signer(1), jwk=jwk(signer(1)), **_kid())


HOSTILE: dict[str, tuple[Callable[[Tenant], str], str]] = {
    "no token": (lambda t: "", "no token"),
    "not a token": (lambda t: "a.b.c", "not a JSON Web Token"),
    "two parts": (lambda t: t.token().rpartition(".")[0], "not a JSON Web Token"),
    "huge": (lambda t: "a" * (MAX_TOKEN + 1), "longer than"),
    "no object": (lambda t: f"{t.token().split('.')[0]}.{part([1])}.AAAA", "object"),
    "deep": (
        lambda t: f"{t.token().split('.')[0]}.{part(b'[' * 9000)}.AAAA",
        "object",
    ),
    "none": (unsigned, "not signed with RS256"),
    "HMAC": (by_hmac, "not signed with RS256"),
    "critical": (
        lambda t: signed(t.claims(), crit=["exp"]),
        "critical|not a JSON Web Token",
    ),
    "bent": (bent, "signature"),
    "another key": (lambda t: signed(t.claims(), by=signer(1), **_kid()), "signature"),
    "its own key": (own_key, "signature"),
    "jku inside": (
        lambda t: signed(t.claims(), by=signer(1), kid="x", jku=INSIDE, x5u=INSIDE),
        "does not publish",
    ),
    "unknown kid": (lambda t: signed(t.claims(), by=signer(1)), "does not publish"),
    "no kid": (lambda t: signed(t.claims(), kid=""), "does not name the key"),
    "another audience": (lambda t: t.token(aud=OTHER), "meant for"),
    "audience is the client": (lambda t: t.token(aud=APP), "meant for"),
    "Graph's": (lambda t: t.token(aud="https://graph.microsoft.com"), "meant for"),
    "audiences": (lambda t: t.token(aud=[API]), "meant for"),
    "no audience": (lambda t: t.token(aud=None), "meant for"),
    "another client": (lambda t: t.token(azp=OTHER), "issued to the application"),
    "no client": (lambda t: t.token(azp=None), "issued to the application"),
    "another issuer": (
        lambda t: t.token(iss=f"https://login.microsoftonline.com/{OTHER}/v2.0"),
        "was issued by",
    ),
    "issuer inside": (lambda t: t.token(iss=INSIDE), "was issued by"),
    "no issuer": (lambda t: t.token(iss=None), "was issued by"),
    "another tenant": (lambda t: t.token(tid=OTHER), "tenant"),
    "no tenant": (lambda t: t.token(tid=None), "tenant"),
    "no object id": (lambda t: t.token(oid=None), "names no user"),
    "object id with a colon": (lambda t: t.token(oid=f"{OID}:x"), "names no user"),
    "ID token": (lambda t: t.token(scp=None, nonce="n"), "ID token"),
    "ID token of the application": (
        lambda t: t.token(aud=APP, scp=None, azp=None),
        "meant for",
    ),
    "of an application": (
        lambda t: t.token(scp=None, roles=["x"], idtyp="app"),
        "has no user",
    ),
    "other scope": (lambda t: t.token(scp="User.Read"), "needs access_as_user"),
    "part of a scope": (lambda t: t.token(scp="access_as_users"), "needs"),
    "scope is a list": (lambda t: t.token(scp=["access_as_user"]), "needs"),
    "expired": (lambda t: t.token(exp=BEGIN - 300), "expired"),
    "never expires": (lambda t: t.token(exp=None), "how long"),
    "expires sometime": (lambda t: t.token(exp="never"), "not a time"),
    "not yet": (lambda t: t.token(nbf=BEGIN + 301), "not valid yet"),
    "issued later": (lambda t: t.token(iat=BEGIN + 301), "not valid yet"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest_twisted.ensureDeferred
async def test_hostile_tokens(tenant: Tenant, name: str) -> None:
    """Each is refused with its reason and told to listeners; only the configured
    addresses are ever asked."""
    make, reason = HOSTILE[name]
    told: list[str] = []
    tenant.identity.on_refusal(lambda connector, token: told.append(token))
    token = make(tenant)
    with pytest.raises(InvalidToken, match=reason) as caught:
        await tenant.identity.verify(tenant.naa, token)
    assert told == [token]
    assert not token or token not in caught.value.message
    assert set(tenant.idp.asked) <= {
        f"/{TENANT}/v2.0/.well-known/openid-configuration",
        f"/{TENANT}/discovery/v2.0/keys",
    }


@pytest_twisted.ensureDeferred
async def test_id_token_of_the_one_application(tenant: Tenant) -> None:
    """With SSO_TOKEN the ID token has the same audience, and opens nothing all the
    same."""
    token = tenant.token(scp=None, azp=None, nonce="n")
    with pytest.raises(InvalidToken, match="ID token"):
        await tenant.identity.verify(tenant.sso, token)


@pytest_twisted.ensureDeferred
async def test_nothing_is_fetched_for_a_token_of_others(tenant: Tenant) -> None:
    """A token that cannot be for us costs no request to the provider."""
    for changes in ({"aud": OTHER}, {"scp": None}, {"exp": 1}, {"azp": OTHER}):
        with pytest.raises(InvalidToken):
            await tenant.identity.verify(tenant.naa, tenant.token(**changes))
    assert tenant.idp.asked == []


@pytest_twisted.ensureDeferred
async def test_invented_keys_cost_one_request_a_minute(tenant: Tenant) -> None:
    """Anybody can invent names of keys; the documents are not read for each."""
    await tenant.identity.verify(tenant.naa, tenant.token())
    for number in range(5):
        with pytest.raises(InvalidToken, match="does not publish"):
            await tenant.identity.verify(
                tenant.naa, signed(tenant.claims(), kid=f"k{number}")
            )
    assert len(tenant.idp.asked) == 2
    tenant.clock.advance(RETRY_UNKNOWN_KEY)
    tenant.idp.answers[f"/{TENANT}/discovery/v2.0/keys"] = (
        200,
        {"keys": [jwk(signer(1))]},
    )
    await tenant.identity.verify(tenant.naa, signed(tenant.claims(), by=signer(1)))
    with pytest.raises(InvalidToken, match="does not publish"):
        await tenant.identity.verify(tenant.naa, tenant.token())


@pytest_twisted.ensureDeferred
async def test_a_provider_that_does_not_answer(tenant: Tenant) -> None:
    """That the keys cannot be had is no refusal; the settings to look at are named."""
    tenant.idp.answers.clear()
    with pytest.raises(Unavailable, match="addin_oidc_metadata_url"):
        await tenant.identity.verify(tenant.naa, tenant.token())


@pytest_twisted.ensureDeferred
async def test_a_token_is_remembered_until_it_expires(tenant: Tenant) -> None:
    """The same user object comes back without another look, and never too long."""
    token = tenant.token()
    first = await tenant.identity.verify(tenant.naa, token)
    assert await tenant.identity.verify(tenant.naa, token) is first
    tenant.clock.advance(3600 + 299)
    assert await tenant.identity.verify(tenant.naa, token) is first
    tenant.clock.advance(1)
    with pytest.raises(InvalidToken, match="expired"):
        await tenant.identity.verify(tenant.naa, token)


CHANGES: dict[str, dict[str, Any]] = {
    "API": {"addin_naa_web_api_application_id": OTHER},
    "application": {"addin_application_id": OTHER},
    "metadata": {"addin_oidc_metadata_url": INSIDE},
}


@pytest.mark.parametrize("name", CHANGES)
@pytest_twisted.ensureDeferred
async def test_settings_change(tenant: Tenant, name: str) -> None:
    """What was verified before a change of the integration is not believed after."""
    token = tenant.token()
    await tenant.identity.verify(tenant.naa, token)
    with pytest.raises((InvalidToken, Unavailable)):
        await tenant.identity.verify(replace(tenant.naa, **CHANGES[name]), token)


@pytest_twisted.ensureDeferred
async def test_keys_are_withdrawn(tenant: Tenant) -> None:
    """A token of a key that the provider has withdrawn is good no more."""
    token = tenant.token()
    await tenant.identity.verify(tenant.naa, token)
    tenant.idp.answers[f"/{TENANT}/discovery/v2.0/keys"] = (
        200,
        {"keys": [jwk(signer(1))]},
    )
    await tenant.documents.refresh(rules_of(tenant.naa).documents)
    with pytest.raises(InvalidToken, match="does not publish"):
        await tenant.identity.verify(tenant.naa, token)


@pytest_twisted.ensureDeferred
async def test_another_integration(tenant: Tenant) -> None:
    """A token that one integration has accepted says nothing in another."""
    token = tenant.token()
    await tenant.identity.verify(tenant.naa, token)
    other = replace(tenant.naa, id=2, addin_naa_web_api_application_id=OTHER)
    with pytest.raises(InvalidToken, match="meant for"):
        await tenant.identity.verify(other, token)


@pytest_twisted.ensureDeferred
async def test_tokens_in_invitations(tenant: Tenant) -> None:
    """A good access token is refused where it comes in an invitation."""
    for connector in (tenant.naa, tenant.sso):
        with pytest.raises(InvalidToken, match="none in invitations"):
            await tenant.identity.verify_in_invitation(connector, tenant.token())


@pytest.mark.parametrize(
    ("document", "issuer", "good"),
    [
        ("login.microsoftonline.com", "https://sts.windows.net/{}/", True),
        (
            "login.microsoftonline.com",
            "https://login.microsoftonline.com/{}/v2.0",
            True,
        ),
        ("login.microsoftonline.us", "https://login.microsoftonline.us/{}/v2.0", True),
        (
            "login.partner.microsoftonline.cn",
            "https://sts.chinacloudapi.cn/{}/",
            True,
        ),
        ("login.microsoftonline.com", "https://sts.chinacloudapi.cn/{}/", False),
        ("login.microsoftonline.com", "https://sts.windows.net/{}", False),
        ("login.example.test", "https://sts.windows.net/{}/", False),
    ],
)
def test_issuers_of_both_versions(
    tenant: Tenant, document: str, issuer: str, good: bool
) -> None:
    """One document stands for the tokens of both versions, in Microsoft's clouds."""
    of = replace(
        tenant.naa,
        addin_oidc_metadata_url=f"https://{document}/{TENANT}/v2.0/.well-known/x",
    )
    published = (f"https://{document}/{TENANT}/v2.0",)
    token = read_access_token(tenant.token(iss=issuer.format(TENANT)))
    if good:
        check_issuer(token, rules_of(of), published)
    else:
        with pytest.raises(InvalidToken, match="was issued by"):
            check_issuer(token, rules_of(of), published)
    elsewhere = read_access_token(tenant.token(iss=issuer.format(OTHER)))
    with pytest.raises(InvalidToken, match="was issued by"):
        check_issuer(elsewhere, rules_of(of), published)
