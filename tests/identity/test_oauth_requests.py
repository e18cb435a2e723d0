"""What identity providers are asked, and what their answers mean."""

import json
from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxUnreachable,
    SignInNeeded,
    SignInRefused,
)
from pexschedd.identity.oauth.account import claims_of, is_account, names_in
from pexschedd.identity.oauth.assertion import (
    client_assertion,
    expires,
    make_certificate,
)
from pexschedd.identity.oauth.remedies import meaning
from pexschedd.identity.oauth.settings import ProviderSettings, settings_of
from pexschedd.identity.oauth.signed_in import needed_because, new_sign_in
from pexschedd.identity.oauth.token_requests import (
    app_form,
    authorization_url,
    by_client,
    challenge,
    code_form,
    refresh_form,
)
from pexschedd.identity.oauth.token_responses import LONGEST, SHORTEST, USUAL, tokens_in
from tests.identity.oauth_support import NOW, REDIRECT, connector_with, jwt_of, query_of

HOST = "https://login.example.test/tenant"
V1 = {
    "oauth_auth_endpoint": f"{HOST}/oauth2/authorize",
    "oauth_token_endpoint": f"{HOST}/oauth2/token",
}
V2 = {
    "oauth_auth_endpoint": f"{HOST}/oauth2/v2.0/authorize",
    "oauth_token_endpoint": f"{HOST}/oauth2/v2.0/token",
}
OTHER = {
    "oauth_auth_endpoint": "https://idp.example.test/auth?realm=one",
    "oauth_token_endpoint": "https://idp.example.test/token",
}
EXCHANGE = "https://mail.example.test"


def settings(*fields: dict[str, str], **more: Any) -> ProviderSettings:
    return settings_of(
        connector_with(**{k: v for f in fields for k, v in f.items()}, **more)
    )


@pytest.mark.parametrize(
    ("endpoints", "access"),
    [
        (V1, {"resource": EXCHANGE, "scope": "openid"}),
        (
            V2,
            {"scope": f"{EXCHANGE}/EWS.AccessAsUser.All offline_access openid profile"},
        ),
        (
            OTHER,
            {"resource": EXCHANGE, "scope": "openid profile email offline_access"},
        ),
    ],
    ids=["v1", "v2", "other"],
)
def test_access_is_asked_for_in_the_providers_way(
    endpoints: dict[str, str], access: dict[str, str]
) -> None:
    """Each kind of provider is told in its own words which access is wanted."""
    given = settings(endpoints)
    query = query_of(authorization_url(given, state="1.s", verifier="v" * 43))
    for asked in (
        query,
        code_form(given, code="c", verifier="v" * 43),
        refresh_form(given, refresh_token="r"),
    ):
        assert {k: asked[k] for k in ("resource", "scope") if k in asked} == access


def test_authorization_url() -> None:
    """The link has everything the provider needs, and the verifier only as a hash."""
    url = authorization_url(settings(V1), state="1.state", verifier="v" * 43)
    assert url.startswith(V1["oauth_auth_endpoint"] + "?")
    assert query_of(url) == {
        "client_id": "client",
        "response_type": "code",
        "response_mode": "query",
        "redirect_uri": REDIRECT,
        "state": "1.state",
        "code_challenge": challenge("v" * 43),
        "code_challenge_method": "S256",
        "login_hint": "svc@example.test",
        "prompt": "login",
        "resource": EXCHANGE,
        "scope": "openid",
    }
    assert "v" * 43 not in url


def test_the_endpoints_own_query_is_kept() -> None:
    """An authorization endpoint may have arguments of its own."""
    url = authorization_url(settings(OTHER), state="s", verifier="v" * 43)
    assert query_of(url)["realm"] == "one"
    assert query_of(url)["prompt"] == "login consent"


def test_challenge_is_rfc_7636s() -> None:
    """The example of RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("url", "resource", "expected"),
    [
        ("https://mail.example.test/EWS/Exchange.asmx", "", EXCHANGE),
        ("https://mail.example.test:8443/EWS/", "", f"{EXCHANGE}:8443"),
        ("https://mail.example.test/EWS", "urn:exchange", "urn:exchange"),
        ("", "", ""),
    ],
)
def test_resource(url: str, resource: str, expected: str) -> None:
    """What was configured, else where Exchange is."""
    assert settings(V1, url=url, oauth_resource=resource).resource == expected


@pytest.mark.parametrize(
    ("endpoints", "form"),
    [
        (V1, {"resource": EXCHANGE}),
        (V2, {"scope": f"{EXCHANGE}/.default"}),
        (OTHER, {"resource": EXCHANGE}),
    ],
)
def test_app_form(endpoints: dict[str, str], form: dict[str, str]) -> None:
    """An application asks for all that was granted to it."""
    expected = {"grant_type": "client_credentials", **form}
    assert app_form(settings(endpoints)) == expected


def test_clients_show_who_they_are() -> None:
    """By a secret, by a signature, or just by name."""
    given = settings(V1)
    assert by_client(given, {}) == {"client_id": "client"}
    assert by_client(given, {}, secret="s")["client_secret"] == "s"
    signed = by_client(given, {}, assertion="a")
    assert signed["client_assertion"] == "a"
    assert signed["client_assertion_type"].endswith(":jwt-bearer")


@pytest.mark.parametrize(
    ("endpoints", "algorithm"), [(V1, "RS256"), (V2, "PS256"), (OTHER, "RS256")]
)
def test_client_assertion(endpoints: dict[str, str], algorithm: str) -> None:
    """The signature holds with the certificate, and names it and the endpoint."""
    made = make_certificate("pexschedd", NOW)
    given = settings(endpoints, public_key=made.certificate)
    token = client_assertion(given, made.private_key, now=NOW, id="an-id")
    certificate = x509.load_pem_x509_certificate(made.certificate.encode())
    claims = jwt.decode(
        token,
        certificate.public_key(),  # type: ignore[arg-type]  # it is RSA's
        algorithms=[algorithm],
        audience=given.token_endpoint,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert claims["iss"] == claims["sub"] == "client"
    assert claims["jti"] == "an-id"
    assert claims["exp"] - claims["iat"] == 600
    header = jwt.get_unverified_header(token)
    assert header["x5t#S256"] in _thumbprints(certificate)
    assert header["x5t"]
    assert expires(made.certificate) - NOW == timedelta(days=730)
    assert "PRIVATE" not in repr(made)


def _thumbprints(certificate: x509.Certificate) -> str:
    return urlsafe_b64encode(certificate.fingerprint(SHA256())).decode()


def read(answer: object, status: int = 200, **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return tokens_in(status, given, body, now=1000.0)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"expires_in": 3599}, 3599),
        ({"expires_in": "3599"}, 3599),
        ({"expires_on": "4600"}, 3600),
        ({"expires_on": 4600.0}, 3600),
        ({"expires_in": "600", "expires_on": "9999"}, 600),
        ({}, USUAL),
        ({"expires_in": "soon"}, USUAL),
        ({"expires_in": None}, USUAL),
        ({"expires_in": True}, USUAL),
        ({"expires_in": float("1e300")}, USUAL),
        ({"expires_in": 0}, SHORTEST),
        ({"expires_in": -5}, SHORTEST),
        ({"expires_in": 10**9}, LONGEST),
    ],
)
def test_lifetime(said: dict[str, Any], seconds: float) -> None:
    """Numbers or texts, and bounds for whatever is said."""
    assert read({"access_token": "a", **said}).lifetime == seconds


def test_tokens() -> None:
    """All three are read, and none is shown by accident."""
    tokens = read({"access_token": "aaa", "refresh_token": "bbb", "id_token": "ccc"})
    assert (tokens.access, tokens.refresh, tokens.id) == ("aaa", "bbb", "ccc")
    assert "aaa" not in repr(tokens)


@pytest.mark.parametrize(
    ("answer", "status", "kind", "words"),
    [
        ({}, 200, MailboxUnreachable, "no access token"),
        ([], 200, MailboxUnreachable, "no access token"),
        (b"<html>", 200, MailboxUnreachable, "no access token"),
        (b"[" * 30000, 200, MailboxUnreachable, "no access token"),
        ({"access_token": "x" * 20000}, 200, MailboxUnreachable, "no access token"),
        ({"access_token": "a\r\nB: c"}, 200, MailboxUnreachable, "no access token"),
        ({"access_token": "a", "token_type": "mac"}, 200, SignInRefused, "Bearer"),
        (b"", 404, MailboxUnreachable, "HTTP 404"),
        (b"", 302, MailboxUnreachable, "redirects"),
        (b"", 500, MailboxUnreachable, "HTTP 500"),
        (b"", 429, MailboxBusy, "busy"),
        ({"error": "temporarily_unavailable"}, 400, MailboxBusy, "busy"),
        ({"error": "invalid_grant"}, 400, SignInNeeded, "Sign in"),
        ({"error": "invalid_client"}, 401, SignInRefused, "oauth_client_id"),
        ({"error": "what\x00<b>"}, 400, SignInRefused, "(what?<b>)"),
        ({"error": 7}, 400, MailboxUnreachable, "HTTP 400"),
    ],
)
def test_refusals(
    answer: object, status: int, kind: type[MailboxError], words: str
) -> None:
    """Whatever a server says becomes an error of ours that says what to do."""
    with pytest.raises(kind) as caught:
        read(answer, status)
    assert type(caught.value) is kind
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        ("70008", SignInNeeded, "expired"),
        ("700082", SignInNeeded, "not used"),
        ("50173", SignInNeeded, "revoked"),
        ("50076", SignInNeeded, "multi-factor"),
        ("50079", SignInNeeded, "multi-factor"),
        ("65001", SignInNeeded, "consent"),
        ("7000215", SignInRefused, "not its id"),
        ("7000222", SignInRefused, "expired"),
        ("700016", SignInRefused, "oauth_client_id"),
        ("7000218", SignInRefused, "Mobile and desktop"),
        ("999999", SignInNeeded, "AADSTS999999"),
    ],
)
def test_numbers_of_entra_id(number: str, kind: type[MailboxError], words: str) -> None:
    """Its number says more than the error's name, and is named to look it up."""
    text = f"AADSTS{number}: Somebody's own words. Trace ID: 1"
    for error in (
        meaning("invalid_grant", text),
        meaning("invalid_grant", "", (number,)),
    ):
        if number != "999999":
            assert type(error) is kind
        assert words in error.message
        assert f"AADSTS{number}" in error.message
        assert "own words" not in error.message


def test_retry_after() -> None:
    """The server's wish is kept, within bounds."""
    for wish, wait in (("7", 7.0), ("0", 1.0), ("99999", 3600.0), ("later", None)):
        with pytest.raises(MailboxBusy) as caught:
            read(b"", 429, retry_after=wish)
        assert caught.value.retry_after == wait
    date = "Thu, 01 Jan 1970 00:17:00 GMT"
    for dates, wait in (({}, 20.0), ({"date": "Thu, 01 Jan 1970 00:16:50 GMT"}, 10.0)):
        with pytest.raises(MailboxBusy) as caught:
            read(b"", 429, retry_after=date, **dates)
        assert caught.value.retry_after == wait


@given(st.integers(100, 599), st.binary(max_size=300) | st.text().map(str.encode))
def test_any_answer_is_understood(status: int, body: bytes) -> None:
    """No answer makes anything but tokens or a mailbox error."""
    with suppress(MailboxError):
        assert read(body, status).access


@given(
    st.dictionaries(
        st.sampled_from(
            ["error", "error_description", "error_codes", "access_token", "expires_in"]
        ),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()),
    )
)
def test_any_object_is_understood(answer: dict[str, Any]) -> None:
    """Members of any type make tokens or a mailbox error, too."""
    with suppress(MailboxError):
        assert read(answer).access


def test_account() -> None:
    """Every name that a token gives counts, in any case."""
    names = names_in(
        jwt_of(sub="1", preferred_username="Svc@Example.test", upn="svc@tenant.test"),
        "opaque",
        jwt_of(email="svc@mail.example.test", unique_name=7),
    )
    assert names == ["svc@tenant.test", "Svc@Example.test", "svc@mail.example.test"]
    assert is_account(names, "svc@example.test")
    assert not is_account(names, "other@example.test")
    assert not is_account([], "svc@example.test")


@given(st.text())
def test_claims_of_anything(token: str) -> None:
    """What is not a JWT has no claims."""
    assert isinstance(claims_of(token), dict)
    assert isinstance(claims_of(f"a.{token}.b"), dict)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"username": "SVC@example.test"}, ""),
        ({"oauth_auth_endpoint": "https://elsewhere.example.test"}, ""),
        ({"username": "other@example.test"}, "username"),
        ({"oauth_client_id": "another"}, "client ID"),
        ({"oauth_token_endpoint": "https://x.example.test"}, "token endpoint"),
        ({"oauth_refresh_token": ""}, "EWS URL or the OAuth token endpoint changed"),
        ({"oauth_refresh_token": "", "oauth_signed_in_for": ""}, "Nobody"),
        ({"oauth_signed_in_for": "{"}, "Nobody"),
    ],
)
def test_which_changes_need_a_new_sign_in(change: dict[str, str], words: str) -> None:
    """Username, client id and token endpoint do; other fields do not."""
    signed = new_sign_in(connector_with(), "svc@example.test", NOW).as_text()
    kept = {"oauth_refresh_token": "sealed", "oauth_signed_in_for": signed}
    reason = needed_because(connector_with(**(kept | change)))
    assert (words in reason) if words else reason == ""


def test_endpoints_are_paths() -> None:
    """A host that calls itself v2.0 does not make an endpoint one of v2."""
    elsewhere = {"oauth_token_endpoint": "https://v2.0.example.test/oauth2/token"}
    assert urlsplit(elsewhere["oauth_token_endpoint"]).netloc.startswith("v2.0")
    assert "resource" in refresh_form(settings(elsewhere), refresh_token="r")
