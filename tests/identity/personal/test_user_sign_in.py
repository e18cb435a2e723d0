"""Users sign in at AD FS and Entra ID, by secrets that are good for one use each."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.errors import TooManyRequests
from pexschedd.identity.personal.attempts import MOST_PER_ADDRESS, Phase
from pexschedd.identity.personal.faults import SignInNotSetUp, SignInOver
from tests.identity.personal.provider_support import (
    CLIENT,
    EMAIL,
    OID,
    RESOURCE,
    SECRET,
    TENANT,
    SignInBench,
)

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
