"""Users' tokens: signed by the provider, for us, for now, and for this sign-in."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import pytest_twisted
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.logger import capturedLogs

from pexschedd.identity.personal.attempts import Phase
from pexschedd.identity.personal.sign_in import SIGNING_IN_TEXT
from tests.identity.identity_support import signer
from tests.identity.personal.provider_support import (
    CLIENT,
    OID,
    SECRET,
    TENANT,
    SignInBench,
    jwk,
    signed,
)


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
