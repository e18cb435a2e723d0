"""Bearer tokens: users' and applications', and what is said about bad ones."""

import json
from typing import Any

import pytest
import pytest_twisted
from lxml import etree

from pexschedd.sandbox import SandboxMailbox
from pexschedd.sandbox.signin.bearer_tokens import (
    BearerTokens,
    InvalidBearerToken,
)
from pexschedd.sandbox.signin.settings import SignIn
from tests.sandbox.sandbox_support import ALICE, EQUIPMENT, CheckedSandbox, find_item
from tests.sandbox.stream_support import wrapped
from tests.sandbox.test_sandbox_http import FIND, send

AS_EQUIPMENT = wrapped(find_item(), EQUIPMENT)


async def register(url: str, **wanted: Any) -> int:
    data = json.dumps({"token": "t-1", **wanted}).encode()
    code, _, _ = await send("PUT", f"{url}/sandbox/bearer-tokens", data)
    return code


async def ask(url: str, body: bytes = FIND, token: str = "t-1") -> tuple[int, Any, str]:
    header = {"authorization": f"Bearer {token}"}
    code, headers, answer = await send("POST", f"{url}/EWS/Exchange.asmx", body, header)
    found = ""
    if code != 401:
        found = etree.fromstring(answer).findtext(".//{*}ResponseCode", "")
    return code, headers, found


@pytest_twisted.ensureDeferred
async def test_a_users_token(sandbox: CheckedSandbox, served: str) -> None:
    """Is as good as its user's password, until it expires."""
    sandbox.behaviour.sign_in = SignIn(methods=("Bearer",))
    assert await register(served, mailbox=ALICE, expires_in_s=60) == 200
    assert (await ask(served))[0] == 200
    assert (await ask(served, AS_EQUIPMENT))[2] == "ErrorImpersonateUserDenied"
    sandbox.later(seconds=60)
    code, headers, _ = await ask(served)
    assert code == 401
    (challenge,) = headers.getRawHeaders("www-authenticate")
    assert challenge.startswith('Bearer client_id="00000002-')
    assert challenge.endswith(', error="invalid_token"')
    (reason,) = headers.getRawHeaders("x-ms-diagnostics")
    assert reason == '2000003;reason="The token has expired."'


@pytest_twisted.ensureDeferred
async def test_an_applications_token(sandbox: CheckedSandbox, served: str) -> None:
    """Has no mailbox: it has to say whom it acts as, and may not act as all."""
    sandbox.behaviour.sign_in = SignIn(methods=("Bearer",))
    assert await register(served, app=True, impersonates=[EQUIPMENT]) == 200
    assert (await ask(served, AS_EQUIPMENT))[2] == "NoError"
    assert (await ask(served))[2] == "ErrorInvalidExchangeImpersonationHeaderData"
    as_alice = wrapped(find_item(), ALICE)
    assert (await ask(served, as_alice))[2] == "ErrorImpersonateUserDenied"


@pytest_twisted.ensureDeferred
async def test_tokens_nobody_knows(sandbox: CheckedSandbox, served: str) -> None:
    """Unknown ones, ones where none are taken, and without any at all no reason."""
    sandbox.behaviour.sign_in = SignIn(methods=("Bearer", "Basic"))
    code, headers, _ = await ask(served)
    assert code == 401
    assert headers.hasHeader("x-ms-diagnostics")
    code, headers, _ = await send("POST", f"{served}/EWS/Exchange.asmx", FIND)
    assert (code, headers.hasHeader("x-ms-diagnostics")) == (401, False)
    assert len(headers.getRawHeaders("www-authenticate")) == 2
    sandbox.behaviour.sign_in = SignIn()
    assert await register(served, mailbox=ALICE) == 200
    assert (await ask(served))[0] == 401


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"mailbox": "nobody@example.test"}, 404),
        ({}, 400),
        ({"mailbox": ALICE, "app": True}, 400),
        ({"token": "", "app": True}, 400),
        ({"app": "yes"}, 400),
        ({"app": True, "more": 1}, 400),
    ],
)
@pytest_twisted.ensureDeferred
async def test_registering(served: str, wanted: dict[str, Any], status: int) -> None:
    """What is wrong is refused."""
    assert await register(served, **wanted) == status


def test_a_judge(sandbox: CheckedSandbox) -> None:
    """Whoever embeds the sandbox decides about tokens that nobody registered."""
    alice = sandbox.exchange.mailbox(ALICE)

    def judge(token: str) -> SandboxMailbox | None:
        return alice if token == "good" else None

    tokens = BearerTokens(sandbox.exchange, judge)
    assert tokens.owner("good") is alice
    with pytest.raises(InvalidBearerToken):
        tokens.owner("bad")
    tokens.register("bad", mailbox=ALICE)
    assert tokens.owner("bad") is alice
    tokens.forget("bad")
    with pytest.raises(InvalidBearerToken):
        tokens.owner("bad")
