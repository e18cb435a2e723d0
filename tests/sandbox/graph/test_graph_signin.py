"""Tokens of applications, and what they allow."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from tests.sandbox.graph.graph_support import (
    BOB,
    CLIENT,
    EQUIPMENT,
    START,
    TENANT,
    GraphClient,
    GraphSandbox,
)

INBOX = f"/users/{EQUIPMENT}/mailFolders/inbox/messages"
URL = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START - timedelta(days=1))
        .not_valid_after(START + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def assertion(
    key: rsa.RSAPrivateKey, certificate: x509.Certificate, **changes: Any
) -> str:
    der = certificate.public_bytes(serialization.Encoding.DER)
    algorithm = changes.pop("alg", "PS256")
    thumbprint = {"x5t#S256": hashlib.sha256(der), "x5t": hashlib.sha1(der)}  # noqa: S324 - the thumbprint
    header = changes.pop("thumbprint", "x5t#S256")
    moment = int(START.timestamp())
    claims = {
        "aud": URL,
        "iss": CLIENT,
        "sub": CLIENT,
        "jti": "1",
        "nbf": moment,
        "exp": moment + 600,
        **changes,
    }
    text = base64.urlsafe_b64encode(thumbprint[header].digest()).decode().rstrip("=")
    return jwt.encode(claims, key, algorithm=algorithm, headers={header: text})


def prove(graph: GraphSandbox, text: str) -> Any:
    return graph.token(
        client_secret="", client_assertion_type=BEARER, client_assertion=text
    )


def test_a_secret_gets_a_token(graph: GraphSandbox) -> None:
    """A right secret gets a bearer token whose roles are the consents in Entra."""
    graph.add(MailboxGrant("Mail.Read"), MailboxGrant("Mail.Send", (EQUIPMENT,)))
    found = graph.token()
    assert (found["token_type"], found["expires_in"]) == ("Bearer", 3600)
    claims = jwt.decode(found["access_token"], options={"verify_signature": False})
    assert claims["roles"] == ["Mail.Read"]


@pytest.mark.parametrize(
    ("form", "error", "number"),
    [
        ({"client_secret": "wrong"}, "invalid_client", 7000215),
        ({"client_secret": ""}, "invalid_client", 7000218),
        ({"client_id": "another"}, "unauthorized_client", 700016),
        ({"scope": "https://graph.microsoft.com/Mail.Read"}, "invalid_scope", 1002012),
        ({"grant_type": "password"}, "unsupported_grant_type", 70003),
        ({"grant_type": ""}, "invalid_request", 900144),
        ({"tenant": "elsewhere.test"}, "invalid_request", 90002),
        ({"claims": "no JSON"}, "invalid_request", 9000114),
    ],
)
def test_a_refused_token_says_why(
    graph: GraphSandbox, form: dict[str, str], error: str, number: int
) -> None:
    """Every mistake has the error and the number that Entra gives it."""
    found = graph.token(**form)
    assert (found["error"], found["error_codes"]) == (error, [number])
    assert found["error_description"].startswith(f"AADSTS{number}: ")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"alg": "RS256", "thumbprint": "x5t"},
        {"alg": "RS256"},
    ],
)
def test_an_assertion_gets_a_token(
    graph: GraphSandbox,
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    changes: dict[str, str],
) -> None:
    """Both algorithms, with the thumbprints that go with them, prove a certificate."""
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    graph.add(certificate=pem)
    assert "access_token" in prove(graph, assertion(key, certificate, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"thumbprint": "x5t"},
        {"alg": "HS256"},
        {"aud": "https://elsewhere.test/"},
        {"sub": "another"},
        {"jti": ""},
        {"exp": int(START.timestamp()) - 1000},
        {"nbf": int(START.timestamp()) + 1000},
        {"exp": int(START.timestamp()) + 10**6},
    ],
)
def test_a_wrong_assertion_is_refused(
    graph: GraphSandbox,
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    changes: dict[str, Any],
) -> None:
    """An assertion with one mistake in its header or claims proves nothing."""
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    graph.add(certificate=pem)
    signer: Any = b"k" * 32 if changes.get("alg") == "HS256" else key
    found = prove(graph, assertion(signer, certificate, **changes))
    assert found["error"] == "invalid_client"


def test_another_key_is_refused(
    graph: GraphSandbox, key: rsa.RSAPrivateKey, certificate: x509.Certificate
) -> None:
    """The signature must be of the certificate's own key."""
    del key
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    graph.add(certificate=pem)
    other = rsa.generate_private_key(65537, 2048)
    assert prove(graph, assertion(other, certificate))["error"] == "invalid_client"


def test_an_expired_certificate_is_refused(
    graph: GraphSandbox, key: rsa.RSAPrivateKey, certificate: x509.Certificate
) -> None:
    """A certificate proves nothing after its last day."""
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    graph.add(certificate=pem)
    graph.later(days=2)
    moment = int(graph.moment.timestamp())
    text = assertion(key, certificate, nbf=moment, exp=moment + 600)
    assert prove(graph, text)["error"] == "invalid_client"


def test_tokens_expire(graph: GraphSandbox, client: GraphClient) -> None:
    """After its lifetime a token is refused, and a new one works."""
    client.get(INBOX)
    graph.later(seconds=3600)
    assert client.code("GET", INBOX, status=401) == "InvalidAuthenticationToken"
    graph.client().get(INBOX)


def test_no_token_is_refused(client: GraphClient) -> None:
    """Without a token, and with one that nobody gave, there is nothing to see."""
    for text in ("", "Bearer", "Basic abc", "Bearer abc"):
        client.authorization = text
        assert client.code("GET", INBOX, status=401) == "InvalidAuthenticationToken"


def test_a_revocation_demands_claims(graph: GraphSandbox, client: GraphClient) -> None:
    """A revoked token is challenged for claims, and only a token got with them works
    from then on."""
    graph.graph.applications.revoke(CLIENT)
    client.code("GET", INBOX, status=401)
    challenge = client.last.headers["www-authenticate"]
    assert 'error="insufficient_claims"' in challenge
    encoded = challenge.partition('claims="')[2].partition('"')[0]
    graph.client().code("GET", INBOX, status=401)
    found = graph.token(claims=base64.b64decode(encoded).decode())
    client.authorization = f"Bearer {found['access_token']}"
    client.get(INBOX)


def test_a_role_may_be_missing(graph: GraphSandbox) -> None:
    """What no role allows is denied; a greater role includes the smaller one."""
    graph.add(MailboxGrant("Mail.ReadWrite"))
    client = graph.client()
    client.get(INBOX)
    denied = client.code("GET", f"/users/{EQUIPMENT}/events", status=403)
    assert denied == "ErrorAccessDenied"


def test_a_scoped_role_is_for_its_mailboxes(graph: GraphSandbox) -> None:
    """A role for one mailbox allows nothing in another one."""
    graph.add(MailboxGrant("Mail.Read", (EQUIPMENT,)))
    client = graph.client()
    client.get(INBOX)
    other = INBOX.replace(EQUIPMENT, BOB)
    assert client.code("GET", other, status=403) == "ErrorAccessDenied"


def test_basic_reading_has_no_bodies(graph: GraphSandbox) -> None:
    """With Mail.ReadBasic messages lack their bodies and extended properties."""
    graph.add(MailboxGrant("Mail.ReadBasic"))
    graph.invite()
    (message,) = graph.client().inbox()
    assert "body" not in message


def test_a_mailbox_may_be_out_of_reach(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """An unknown address, and one that is on premises, are different errors."""
    graph.organisation(without_rest=(BOB,))
    for user, code in (
        ("nobody@example.test", "ErrorInvalidUser"),
        (BOB, "MailboxNotEnabledForRESTAPI"),
    ):
        url = f"/users/{user}/mailFolders/inbox"
        assert client.code("GET", url, status=404) == code
