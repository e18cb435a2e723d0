"""Which conferencing nodes are answered by the policy interface."""

from base64 import b64encode
from typing import Any

import pytest
import treq
from klein import Klein
from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.web.basic_auth import OneAccount
from pexschedd.web.policy import PolicyApi

case = SynchronousTestCase()
URL = "http://node.test/policy/v1/service/configuration?local_alias=555"


class Nothing:
    """No alias is ours."""

    def ask(self, dialled: str) -> None:
        return None


def ask(account: OneAccount | None, headers: dict[str, str]) -> tuple[int, str, str]:
    api = PolicyApi(Nothing(), account)  # type: ignore[arg-type]  # as far as it is asked
    app: Klein = api.app
    client: Any = StubTreq(app.resource())
    answering: Deferred[treq.response._Response] = client.get(URL, headers=headers)
    answer = case.successResultOf(answering)
    asks = answer.headers.getRawHeaders("www-authenticate") or [""]
    return answer.code, asks[0], case.successResultOf(answer.text())


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(text.encode()).decode()}


def test_without_an_account_everybody_is_answered() -> None:
    """As conferencing nodes do it unless they are told otherwise."""
    assert ask(None, {})[0] == 200


def test_with_an_account() -> None:
    """Name and password of the configuration, in any encoding that UTF-8 has."""
    account = OneAccount("node", "pass:wörd")
    assert ask(account, basic("node:pass:wörd"))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("node:wrong"),
        basic("other:secret"),
        basic("node"),
        basic(""),
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic !"},
    ],
)
def test_other_clients_are_told_nothing(headers: dict[str, str]) -> None:
    """Neither an alias nor a PIN; they are asked to sign in."""
    status, asks, text = ask(OneAccount("node", "secret"), headers)
    assert status == 401
    assert asks.startswith("Basic ")
    assert '"status":"error"' in text
