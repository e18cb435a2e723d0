"""Users sign in at AD FS and Entra ID, and nobody else does."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import jwt
import pytest
import pytest_twisted
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from pexschedd.errors import (
    EmailUnusable,
    TooManyRequests,
    UnknownUser,
    UserElsewhere,
)
from pexschedd.identity.personal import token_client
from pexschedd.identity.personal.attempts import MOST_PER_ADDRESS, Phase
from pexschedd.identity.personal.faults import SignInNotSetUp, SignInOver
from pexschedd.identity.personal.sign_in import GETTING_TEXT, SIGNING_IN_TEXT
from tests.identity.identity_support import signer
from tests.identity.personal.provider_support import (
    CLIENT,
    EMAIL,
    ENDLESS,
    NEVER,
    OID,
    RESOURCE,
    SECRET,
    TENANT,
    SignInBench,
    jwk,
    signed,
)
from tests.turns import until

KINDS = ("AZURE", "ADFS", "ADFS2012")
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
@pytest_twisted.ensureDeferred
async def test_signed_in(bench: SignInBench, kind: str) -> None:
    """The whole way gives the pane a session of the user that the token names."""
    bench.play(kind)
    new, outcome = await bench.whole_way()
    assert outcome.failure is None
    assert outcome.user is not None
    assert outcome.user.email == EMAIL
    ((profile, exchange_user),) = bench.records.came
    assert (profile.email, profile.display_name) == (EMAIL, "Alice A")
    assert exchange_user == "alice https://mail"
    assert profile.oid == (f"{TENANT}:{OID}" if kind == "AZURE" else "")
    attempt = bench.sign_ins.progress(bench.known, new.attempt)
    assert attempt.phase is Phase.DONE
    assert bench.sessions.user_of(1, attempt.session) == 7
    again = bench.sign_ins.progress(bench.known, new.attempt)
    assert again.session == attempt.session


@pytest_twisted.ensureDeferred
async def test_the_names_of_ad_fs(bench: SignInBench) -> None:
    """First and last name are those of the deployment guide's claim rule."""
    bench.play("ADFS")
    await bench.whole_way()
    ((profile, _),) = bench.records.came
    assert (profile.first_name, profile.last_name) == ("Alice", "Adams")


@pytest_twisted.ensureDeferred
async def test_what_azure_is_asked(bench: SignInBench) -> None:
    """The browser gets state, nonce and challenge; the form has verifier and secret."""
    bench.play("AZURE")
    new = bench.begin()
    query = bench.start(new)
    assert query["client_id"] == CLIENT
    assert query["response_type"] == "code"
    assert query["redirect_uri"] == (
        "https://vc.example.test/api/client/v2/msexchange_schedulers/oauth_redirect"
    )
    assert query["scope"] == "openid profile email User.Read"
    assert query["code_challenge_method"] == "S256"
    assert "resource" not in query
    assert not {new.attempt, new.start} & set(query.values())
    await bench.come_back(query["state"])
    (form,) = bench.idp.forms
    assert form["client_secret"] == SECRET
    assert form["redirect_uri"] == query["redirect_uri"]
    digest = sha256(form["code_verifier"].encode()).digest()
    challenge = urlsafe_b64encode(digest).decode().rstrip("=")
    assert challenge == query["code_challenge"]


@pytest.mark.parametrize("kind", ["ADFS", "ADFS2012"])
@pytest_twisted.ensureDeferred
async def test_what_ad_fs_is_asked(bench: SignInBench, kind: str) -> None:
    """Both requests name the resource, and no scope; the client has no secret."""
    bench.play(kind)
    new = bench.begin()
    query = bench.start(new)
    await bench.come_back(query["state"])
    (form,) = bench.idp.forms
    for request in (query, form):
        assert request["resource"] == RESOURCE
        assert not {"scope", "client_secret", "nonce"} & set(request)


@pytest_twisted.ensureDeferred
async def test_a_state_is_used_once(bench: SignInBench) -> None:
    """Whoever comes back a second time with a state signs in nobody, and the code is
    not sent to the provider again; the first sign-in stays."""
    bench.play("AZURE")
    new = bench.begin()
    query = bench.start(new)
    await bench.come_back(query["state"])
    second = await bench.come_back(query["state"])
    assert second.failure is not None
    assert second.failure.code == "sign_in_over"
    assert bench.idp.issued == 1
    assert bench.sign_ins.progress(bench.known, new.attempt).phase is Phase.DONE


@pytest.mark.parametrize("state", ["", "x", "r" + "0" * 42, "\udcff", "s" * 10_000])
@pytest_twisted.ensureDeferred
async def test_an_invented_state(bench: SignInBench, state: str) -> None:
    """A state that was never given out finds no attempt and asks no provider."""
    bench.play("AZURE")
    bench.start(bench.begin())
    outcome = await bench.come_back(state)
    assert outcome.failure is not None
    assert outcome.failure.correlation_id == "req-1"
    assert bench.idp.asked == []


@pytest_twisted.ensureDeferred
async def test_a_start_code_is_used_once(bench: SignInBench) -> None:
    """A second window with the same address gets nowhere."""
    bench.play("AZURE")
    new = bench.begin()
    bench.start(new)
    with pytest.raises(SignInOver):
        bench.sign_ins.start(bench.known, new.start)


@pytest_twisted.ensureDeferred
async def test_a_stolen_address_gives_no_session(bench: SignInBench) -> None:
    """None of the secrets in addresses asks for the session: only the pane's does."""
    bench.play("AZURE")
    new = bench.begin()
    query = bench.start(new)
    await bench.come_back(query["state"])
    for secret in (new.start, query["state"], query["nonce"], new.attempt[:-1]):
        with pytest.raises(SignInOver):
            bench.sign_ins.progress(bench.known, secret)


@pytest_twisted.ensureDeferred
async def test_a_code_that_was_used_before(bench: SignInBench) -> None:
    """A provider that refuses a code leaves nobody signed in, and sends nobody to an
    administrator: signing in again helps."""
    bench.play("AZURE")
    bench.idp.answers[bench.idp.token_path] = (
        400,
        {"error": "invalid_grant", "error_description": "AADSTS54005: redeemed"},
    )
    new, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "code_refused"
    assert outcome.failure.can_retry
    assert "administrator" not in outcome.failure.message
    attempt = bench.sign_ins.progress(bench.known, new.attempt)
    assert (attempt.phase, attempt.session) == (Phase.FAILED, "")
    assert bench.records.came == []


@pytest_twisted.ensureDeferred
async def test_mixed_up_providers(bench: SignInBench) -> None:
    """An answer that names another provider is refused, and its code goes nowhere."""
    bench.play("AZURE")
    _, outcome = await bench.whole_way(iss="https://evil.example.test")
    assert outcome.failure is not None
    assert outcome.failure.code == "another_provider"
    assert bench.idp.forms == []
    _, outcome = await bench.whole_way(iss=bench.idp.issuer)
    assert outcome.user is not None


@pytest_twisted.ensureDeferred
async def test_a_provider_that_promises_its_name(bench: SignInBench) -> None:
    """Where the provider promises to name itself, an answer without is refused."""
    bench.play("AZURE")
    document = bench.idp.answers[f"/{TENANT}/v2.0/.well-known/openid-configuration"][1]
    document["authorization_response_iss_parameter_supported"] = True
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "another_provider"
    assert bench.idp.forms == []
    _, outcome = await bench.whole_way(iss=bench.idp.issuer)
    assert outcome.user is not None


def _unsigned(content: dict[str, Any]) -> str:
    return jwt.encode(content, "", algorithm="none", headers={"kid": signer().x5t})


def _hmac(content: dict[str, Any]) -> str:
    """Signed with HMAC, by the bytes of the public key that everybody knows."""
    public = signer().key.public_key()
    key = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    payload = signed(content).split(".")[1]
    head = _part({"alg": "HS256", "typ": "JWT", "kid": signer().x5t})
    given = f"{head}.{payload}"
    return f"{given}.{_encoded(hmac.digest(key, given.encode(), 'sha256'))}"


def _part(value: object) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def _bent(content: dict[str, Any]) -> str:
    head, _, signature = signed(content).split(".")
    other = signed(content | {"email": "boss@example.test"}).split(".")[1]
    return f"{head}.{other}.{signature}"


PROOFS: dict[str, Callable[[dict[str, Any]], str]] = {
    "no signature": _unsigned,
    "HMAC with the public key": _hmac,
    "another algorithm": lambda content: jwt.encode(
        content, signer().key, algorithm="RS512", headers={"kid": signer().x5t}
    ),
    "another's key": lambda content: signed(content, by=signer(1)),
    "another's key under our name": lambda content: signed(
        content, by=signer(1), kid=signer().x5t
    ),
    "changed content": _bent,
    "no key named": lambda content: jwt.encode(
        content, signer().key, algorithm="RS256"
    ),
    "critical extension": lambda content: signed(content, crit=["b64"], b64=True),
    "a key of its own": lambda content: signed(
        content, by=signer(1), jwk=jwk(signer(1)), jku="http://127.0.0.1:1/keys"
    ),
    "no token": lambda content: "opaque-0123",
    "endless": lambda content: signed(content, kid="x" * 20_000),
}


@pytest.mark.parametrize("kind", ["AZURE", "ADFS"])
@pytest.mark.parametrize("proof", PROOFS)
@pytest_twisted.ensureDeferred
async def test_forged_tokens(bench: SignInBench, kind: str, proof: str) -> None:
    """A token that the provider did not sign, in the one way there is, is refused;
    the user sees the administrator's text, a reason and the reference, and the log
    has neither the token nor any other secret."""
    bench.play(kind)
    sent: list[str] = []

    def forged(content: dict[str, Any]) -> str:
        sent.append(PROOFS[proof](content))
        return sent[-1]

    bench.idp.proof = forged
    with capturedLogs() as logged:
        new, outcome = await bench.whole_way()
    shown = repr(logged)
    assert "user sign-in failed" in shown
    for secret in (*sent, "the-code", SECRET, new.attempt, new.start):
        assert secret not in shown
    assert outcome.user is None
    assert outcome.failure is not None
    assert outcome.failure.code in ("user_token_refused", "provider_refuses")
    assert outcome.failure.text_field == SIGNING_IN_TEXT
    assert outcome.failure.correlation_id == "req-1"
    assert bench.records.came == []
    attempt = bench.sign_ins.progress(bench.known, new.attempt)
    assert (attempt.phase, attempt.session) == (Phase.FAILED, "")
    assert all(path.startswith(("/" + TENANT, "/adfs")) for path in bench.idp.asked)


EARLIER, LATER = 1795262400 - 86400, 1795262400 + 86400
CLAIMS: dict[str, tuple[str, dict[str, Any]]] = {
    "another issuer": ("AZURE", {"iss": "https://evil.example.test"}),
    "another issuer at AD FS": ("ADFS", {"iss": "http://evil/adfs/services/trust"}),
    "no issuer": ("AZURE", {"iss": None}),
    "another audience": ("AZURE", {"aud": "another-client"}),
    "another resource": ("ADFS", {"aud": "https://other.example.test"}),
    "two audiences": ("AZURE", {"aud": [CLIENT, "another-client"]}),
    "no audience": ("AZURE", {"aud": None}),
    "issued to another application": ("ADFS", {"appid": "another-client"}),
    "authorized for another": ("AZURE", {"azp": "another-client"}),
    "expired": ("AZURE", {"exp": EARLIER}),
    "expired at AD FS": ("ADFS", {"exp": EARLIER}),
    "without an end": ("AZURE", {"exp": None}),
    "an end that is no time": ("AZURE", {"exp": "tomorrow"}),
    "not valid yet": ("AZURE", {"nbf": LATER}),
    "issued in the future": ("ADFS", {"nbf": None, "iat": LATER}),
    "another nonce": ("AZURE", {"nonce": "another"}),
    "no nonce": ("AZURE", {"nonce": None}),
    "another tenant": ("AZURE", {"tid": OID}),
    "no tenant": ("AZURE", {"tid": None}),
    "no object": ("AZURE", {"oid": None}),
}


@pytest.mark.parametrize("name", CLAIMS)
@pytest_twisted.ensureDeferred
async def test_tokens_for_others(bench: SignInBench, name: str) -> None:
    """A token of another issuer, for another application, time, sign-in or tenant is
    refused."""
    kind, changes = CLAIMS[name]
    bench.play(kind)
    bench.idp.changes = changes
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "user_token_refused"
    assert outcome.failure.text_field == SIGNING_IN_TEXT
    assert bench.records.came == []


@pytest_twisted.ensureDeferred
async def test_clocks_may_differ_a_little(bench: SignInBench) -> None:
    """A token that ended two minutes ago, by our clock, is taken."""
    bench.play("AZURE")
    bench.idp.changes = {"exp": 1795262400 - 120}
    _, outcome = await bench.whole_way()
    assert outcome.user is not None


@pytest_twisted.ensureDeferred
async def test_ad_fs_without_a_mail_address(bench: SignInBench) -> None:
    """Without the claim `email` the sign-in fails, and says that an administrator has
    to see to it."""
    bench.play("ADFS")
    bench.idp.changes = {"email": None}
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "email_missing"
    assert "e-mail address" in outcome.failure.message


@pytest_twisted.ensureDeferred
async def test_the_directory_knows_the_name(bench: SignInBench) -> None:
    """Where a name is missing, the directory is asked for it, and only then."""
    bench.play("AZURE")
    await bench.whole_way()
    assert "/v1.0/me" not in bench.idp.asked
    bench.idp.answers["/v1.0/me"] = (200, {"displayName": "Alice B", "mail": "b@c.d"})
    bench.idp.changes = {"name": None}
    await bench.whole_way()
    profile = bench.records.came[-1][0]
    assert (profile.display_name, profile.email) == ("Alice B", EMAIL)


@pytest_twisted.ensureDeferred
async def test_the_directory_is_down(bench: SignInBench) -> None:
    """A directory that refuses does not hinder a sign-in that has an address."""
    bench.play("AZURE")
    bench.idp.changes = {"name": None}
    bench.idp.answers["/v1.0/me"] = (403, {})
    _, outcome = await bench.whole_way()
    assert outcome.user is not None


@pytest.mark.parametrize(
    "claims", [{"acct": 1}, {"idp": "https://sts.windows.net/another/"}]
)
@pytest_twisted.ensureDeferred
async def test_a_guests_address_is_the_directorys(
    bench: SignInBench, claims: dict[str, Any]
) -> None:
    """A guest's own organization chooses the address in the token: what counts is the
    one in our tenant's directory, and without one nobody is signed in."""
    bench.play("AZURE")
    bench.idp.changes = claims | {"email": "boss@example.test"}
    bench.idp.answers["/v1.0/me"] = (200, {"mail": "guest@partner.test"})
    _, outcome = await bench.whole_way()
    assert outcome.user is not None
    assert bench.records.came[0][0].email == "guest@partner.test"
    bench.idp.answers["/v1.0/me"] = (404, {})
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "email_missing"


@pytest_twisted.ensureDeferred
async def test_an_unknown_user(bench: SignInBench) -> None:
    """A user without a record, who may not get one, sees the text for that."""
    bench.play("AZURE")
    bench.records.allowed = False
    new, outcome = await bench.whole_way()
    failure = bench.sign_ins.progress(bench.known, new.attempt).failure
    assert failure is not None
    assert failure == outcome.failure
    assert (failure.code, failure.text_field) == ("unknown_user", GETTING_TEXT)
    assert failure.correlation_id == "req-1"


@pytest.mark.parametrize("kind", [UserElsewhere, EmailUnusable])
@pytest_twisted.ensureDeferred
async def test_a_user_whom_only_an_administrator_can_help(
    bench: SignInBench, kind: type[UnknownUser]
) -> None:
    """The log has what is wrong with which record; the user is told whom to ask, and
    nothing about records."""
    bench.play("AZURE")
    bench.records.allowed = False
    bench.records.problem = kind("The user (end_user 1) is another provider's.")
    with capturedLogs() as events:
        _, outcome = await bench.whole_way()
    failure = outcome.failure
    assert failure is not None
    assert (failure.code, failure.can_retry) == (kind.code, False)
    assert failure.message.endswith("An administrator has to see to it.")
    assert "end_user" not in failure.message
    (event,) = (e for e in events if e.get("code") == kind.code)
    assert "end_user 1" in event["reason"]


ANSWERS: dict[str, tuple[Any, str]] = {
    "5xx": ((500, {}), "provider_unreachable"),
    "too many": ((429, {}), "provider_unreachable"),
    "redirect": ((302, {}, "http://127.0.0.1:1/"), "provider_unreachable"),
    "not found": ((404, {}), "provider_unreachable"),
    "no JSON": ((200, b"<html>"), "provider_refuses"),
    "deep": ((200, b"[" * 60_000), "provider_refuses"),
    "no token": ((200, {"access_token": "only"}), "provider_refuses"),
    "list": ((200, [1]), "provider_refuses"),
    "endless": (ENDLESS, "provider_unreachable"),
    "server error": ((400, {"error": "server_error"}), "provider_unreachable"),
    "access denied": ((400, {"error": "access_denied"}), "sign_in_declined"),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest_twisted.ensureDeferred
async def test_a_token_endpoint_that_misbehaves(bench: SignInBench, name: str) -> None:
    """Whatever the token endpoint answers, the sign-in ends with a reason."""
    bench.play("AZURE")
    bench.idp.answers[bench.idp.token_path], code = ANSWERS[name]
    new, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == code
    assert bench.sign_ins.progress(bench.known, new.attempt).phase is Phase.FAILED


@pytest_twisted.ensureDeferred
async def test_a_token_endpoint_that_is_slow(bench: SignInBench) -> None:
    """A token endpoint that does not answer in time ends the sign-in."""
    bench.play("AZURE")
    bench.idp.answers[bench.idp.token_path] = NEVER
    new = bench.begin()
    query = bench.start(new)
    coming = Deferred.fromCoroutine(bench.come_back(query["state"]))
    await until(lambda: bool(bench.idp.forms))
    bench.clock.advance(token_client.TIMEOUT)
    outcome = await coming
    assert outcome.failure is not None
    assert outcome.failure.code == "provider_unreachable"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("v2.0/.well-known/openid-configuration", (302, {}, "http://127.0.0.1:1/")),
        ("v2.0/.well-known/openid-configuration", (200, b"[")),
        (
            "v2.0/.well-known/openid-configuration",
            (200, {"issuer": "x", "jwks_uri": "http://127.0.0.1:1/keys"}),
        ),
        ("discovery/v2.0/keys", (200, {"keys": []})),
        ("discovery/v2.0/keys", (500, {})),
        ("discovery/v2.0/keys", ENDLESS),
    ],
)
@pytest_twisted.ensureDeferred
async def test_documents_that_cannot_be_read(
    bench: SignInBench, path: str, answer: Any
) -> None:
    """Without the provider's keys nobody is signed in, and no other server is asked."""
    bench.play("AZURE")
    bench.idp.answers[f"/{TENANT}/{path}"] = answer
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert outcome.failure.code == "provider_unreachable"
    assert bench.idp.forms == []


@pytest_twisted.ensureDeferred
async def test_keys_change(bench: SignInBench) -> None:
    """A new key is found at once; invented ones have the keys read once a minute."""
    bench.play("AZURE")
    await bench.whole_way()
    idp = bench.idp
    idp.answers[f"/{TENANT}/discovery/v2.0/keys"] = (200, {"keys": [jwk(signer(1))]})
    idp.proof = lambda content: signed(content, by=signer(1))
    bench.clock.advance(60)
    _, outcome = await bench.whole_way()
    assert outcome.user is not None
    idp.proof = lambda content: signed(content, kid="invented")
    asked = len(idp.asked)
    for _ in range(3):
        _, outcome = await bench.whole_way()
        assert outcome.failure is not None
        assert outcome.failure.code == "user_token_refused"
    assert len(idp.asked) == asked + 3  # the token endpoint, nothing else


@pytest_twisted.ensureDeferred
async def test_a_refused_secret_is_told(bench: SignInBench) -> None:
    """A client secret that has expired is told of, and that a new one is good."""
    bench.play("AZURE")
    answer = bench.idp.answers[bench.idp.token_path]
    bench.idp.answers[bench.idp.token_path] = (
        401,
        {"error": "invalid_client", "error_description": "AADSTS7000222: Expired."},
    )
    _, outcome = await bench.whole_way()
    assert outcome.failure is not None
    assert "administrator" in outcome.failure.message
    ((integration, problem),) = bench.secrets
    assert integration == 1
    assert "expired" in problem
    assert "personal_vmr_oauth_client_secret" in problem
    assert SECRET not in problem
    bench.idp.answers[bench.idp.token_path] = answer
    await bench.whole_way()
    assert bench.secrets[-1] == (1, "")


@pytest_twisted.ensureDeferred
async def test_a_user_declines(bench: SignInBench) -> None:
    """An error in the redirect ends the sign-in without a request for tokens."""
    bench.play("AZURE")
    _, outcome = await bench.whole_way(error="access_denied", code="")
    assert outcome.failure is not None
    assert outcome.failure.code == "sign_in_declined"
    assert bench.idp.forms == []


@pytest_twisted.ensureDeferred
async def test_cancelled_meanwhile(bench: SignInBench) -> None:
    """A pane that has cancelled while the tokens come attaches nobody to anything."""
    bench.play("AZURE")
    new = bench.begin()
    query = bench.start(new)
    given = bench.idp.token_answer

    def cancel(form: dict[str, str]) -> tuple[int, object]:
        bench.sign_ins.cancel(bench.known, new.attempt)
        return given(form)

    bench.idp.answers[bench.idp.token_path] = cancel
    outcome = await bench.come_back(query["state"])
    assert outcome.failure is not None
    assert outcome.failure.code == "sign_in_over"
    assert bench.records.came == []


@pytest.mark.parametrize(
    "changes",
    [
        {"personal_vmr_oauth_client_id": "another"},
        {"enable_personal_vmrs": False},
        {"addin_server_domain": "other.example.test"},
    ],
)
@pytest_twisted.ensureDeferred
async def test_settings_change_meanwhile(
    bench: SignInBench, changes: dict[str, Any]
) -> None:
    """A sign-in that was begun with other settings comes to nothing."""
    bench.play("AZURE")
    query = bench.start(bench.begin())
    bench.connector = replace(bench.known, **changes)
    outcome = await bench.come_back(query["state"])
    assert outcome.failure is not None
    assert outcome.failure.code == "sign_in_over"
    assert bench.idp.forms == []


@pytest_twisted.ensureDeferred
async def test_a_deleted_integration(bench: SignInBench) -> None:
    """Who comes back after the integration was deleted sees that it is over."""
    bench.play("AZURE")
    query = bench.start(bench.begin())
    bench.connector = None
    outcome = await bench.come_back(query["state"])
    assert outcome.failure is not None
    assert outcome.failure.code == "sign_in_over"


@pytest.mark.parametrize(
    "changes",
    [
        {"personal_vmr_oauth_auth_endpoint": "https://x.test/t/oauth2/authorize"},
        {
            "personal_vmr_oauth_auth_endpoint": (
                "https://login.microsoftonline.com/common/oauth2/v2.0/authorize"
            )
        },
        {"personal_vmr_oauth_token_endpoint": ""},
        {"personal_vmr_oauth_client_id": ""},
    ],
)
@pytest_twisted.ensureDeferred
async def test_settings_that_cannot_work(
    bench: SignInBench, changes: dict[str, Any]
) -> None:
    """With settings that cannot work no sign-in begins: v1, all tenants, none."""
    bench.play("AZURE", **changes)
    with pytest.raises(SignInNotSetUp, match="administrator"):
        bench.begin()


@pytest_twisted.ensureDeferred
async def test_too_many_attempts(bench: SignInBench) -> None:
    """One address cannot begin attempts without end."""
    bench.play("AZURE")
    for _ in range(MOST_PER_ADDRESS):
        bench.begin()
    with pytest.raises(TooManyRequests):
        bench.begin()


@pytest_twisted.ensureDeferred
async def test_signing_out(bench: SignInBench) -> None:
    """Signing out ends the session, and forgets the Exchange user."""
    bench.play("AZURE")
    new, _ = await bench.whole_way()
    session = bench.sign_ins.progress(bench.known, new.attempt).session
    await bench.sign_ins.sign_out(bench.known, session=session, exchange_user="")
    assert bench.sessions.user_of(1, session) is None
    await bench.sign_ins.sign_out(bench.known, session="x", exchange_user="")
    await bench.sign_ins.sign_out(bench.known, session="", exchange_user="alice")
    assert bench.records.left == [(7, ""), (None, "alice")]
