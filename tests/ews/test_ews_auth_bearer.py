"""Access tokens: shown with each request, replaced once when they are refused."""

from typing import Any

import pytest
import pytest_twisted

from pexschedd.errors import SignInNeeded
from pexschedd.ews.auth.bearer import BearerAuthenticator
from tests.ews.ews_auth_support import REQUEST, ScriptedConnection, answer


class Tokens:
    """Gives token-1 until that is rejected, then token-2, and so on to the last."""

    def __init__(self, last: int = 9) -> None:
        self.number = 1
        self.last = last
        self.refused: list[str] = []

    async def token(self) -> str:
        if self.number > self.last:
            raise SignInNeeded("Sign in again.")
        return f"token-{self.number}"

    def rejected(self, token: str) -> None:
        self.refused.append(token)
        self.number += 1


def shown(connection: ScriptedConnection) -> list[str]:
    return [request.headers["Authorization"] for request in connection.sent]


@pytest_twisted.ensureDeferred
async def test_a_token_goes_with_each_request() -> None:
    """One request for one answer, with the token, the same as long as it is good."""
    connection = ScriptedConnection([answer(200), answer(500)])
    authenticator = BearerAuthenticator(Tokens())
    for status in (200, 500):
        response = await authenticator.send(REQUEST, connection)
        assert response.status == status
    assert shown(connection) == ["Bearer token-1"] * 2
    assert [request.body for request in connection.sent] == [REQUEST.body] * 2


@pytest_twisted.ensureDeferred
async def test_a_refused_token_is_replaced() -> None:
    """After a 401 the source hears of it, and its next token is tried."""
    connection = ScriptedConnection([answer(401), answer(200)])
    tokens = Tokens()
    response = await BearerAuthenticator(tokens).send(REQUEST, connection)
    assert response.status == 200
    assert shown(connection) == ["Bearer token-1", "Bearer token-2"]
    assert tokens.refused == ["token-1"]


@pytest_twisted.ensureDeferred
async def test_only_once() -> None:
    """A second refusal is the answer: a server that refuses all is not pestered."""
    connection = ScriptedConnection([answer(401), answer(401)])
    response = await BearerAuthenticator(Tokens()).send(REQUEST, connection)
    assert response.status == 401
    assert len(connection.sent) == 2


@pytest_twisted.ensureDeferred
async def test_the_same_token_is_not_shown_twice() -> None:
    """A source that has no other one spares the second request."""

    class Stubborn(Tokens):
        def rejected(self, token: str) -> None:
            pass

    connection = ScriptedConnection([answer(401)])
    response = await BearerAuthenticator(Stubborn()).send(REQUEST, connection)
    assert response.status == 401


@pytest.mark.parametrize(
    ("last", "answers"), [(0, []), (1, [answer(401)])], ids=["first", "second"]
)
@pytest_twisted.ensureDeferred
async def test_no_token(last: int, answers: list[Any]) -> None:
    """The reason why there is no token reaches the caller as it is."""
    connection = ScriptedConnection(answers)
    with pytest.raises(SignInNeeded):
        await BearerAuthenticator(Tokens(last)).send(REQUEST, connection)
