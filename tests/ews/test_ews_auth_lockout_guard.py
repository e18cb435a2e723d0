"""A wrong password is not tried many times at once."""

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from pexschedd.errors import SignInNeeded, SignInRefused
from pexschedd.ews.auth import Connection, HttpRequest, HttpResponse
from pexschedd.ews.auth.lockout_guard import LockoutGuard
from pexschedd.net.errors import ConnectionFailure, FailureKind
from tests.ews.ews_auth_support import REQUEST, ScriptedConnection, answer

Outcome = HttpResponse | Exception


class Inner:
    """An authenticator whose exchanges end when the test says how."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[HttpResponse]] = []
        self.tried = 0

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        self.tried += 1
        deferred: Deferred[HttpResponse] = Deferred()
        self.waiting.append(deferred)
        return await deferred

    def end(self, outcome: Outcome) -> None:
        deferred = self.waiting.pop(0)
        if isinstance(outcome, Exception):
            deferred.errback(outcome)
        else:
            deferred.callback(outcome)


def start(careful: LockoutGuard, number: int = 1) -> list[Deferred[HttpResponse]]:
    connection = ScriptedConnection([])
    return [
        Deferred.fromCoroutine(careful.send(REQUEST, connection)) for _ in range(number)
    ]


@pytest_twisted.ensureDeferred
async def test_one_goes_ahead() -> None:
    """While no password was accepted, one exchange; when one was, all the others."""
    inner = Inner()
    exchanges = start(LockoutGuard(inner), 5)
    assert inner.tried == 1
    inner.end(answer(200))
    assert inner.tried == 5
    while inner.waiting:
        inner.end(answer(200))
    assert [(await each).status for each in exchanges] == [200] * 5


@pytest_twisted.ensureDeferred
async def test_refused_once_for_all() -> None:
    """Those who waited get the refusal of the first, and nothing is tried for them."""
    inner = Inner()
    exchanges = start(LockoutGuard(inner), 5)
    inner.end(answer(401, www_authenticate="NTLM"))
    answers = await gatherResults(exchanges)
    assert [each.status for each in answers] == [401] * 5
    assert {each.headers["www-authenticate"] for each in answers} == {"NTLM"}
    assert inner.tried == 1


@pytest_twisted.ensureDeferred
async def test_each_new_exchange_tries() -> None:
    """Who comes after a refusal tries again: the password may be another."""
    inner = Inner()
    careful = LockoutGuard(inner)
    for outcome in (answer(401), answer(401), answer(200)):
        (exchange,) = start(careful)
        inner.end(outcome)
        assert (await exchange).status == outcome.status
    assert inner.tried == 3


@pytest_twisted.ensureDeferred
async def test_careful_again() -> None:
    """After a refusal one goes ahead again, even if all went well before."""
    inner = Inner()
    careful = LockoutGuard(inner)
    (exchange,) = start(careful)
    inner.end(answer(200))
    await exchange
    (exchange,) = start(careful)
    inner.end(answer(401))
    await exchange
    exchanges = start(careful, 3)
    assert inner.tried == 3
    inner.end(answer(401))
    await gatherResults(exchanges)
    assert inner.tried == 3


@pytest_twisted.ensureDeferred
async def test_errors_of_signing_in() -> None:
    """A refusal that is an error counts as well, and keeps its kind and words."""
    inner = Inner()
    exchanges = start(LockoutGuard(inner), 2)
    inner.end(SignInNeeded("Sign in."))
    for each in exchanges:
        with pytest.raises(SignInNeeded, match=r"Sign in\."):
            await each
    assert inner.tried == 1


@pytest_twisted.ensureDeferred
async def test_trouble_says_nothing_about_the_password() -> None:
    """A connection that fails lets the next in line try."""
    inner = Inner()
    first, second = start(LockoutGuard(inner), 2)
    inner.end(ConnectionFailure(FailureKind.LOST))
    with pytest.raises(ConnectionFailure):
        await first
    inner.end(SignInRefused("No."))
    with pytest.raises(SignInRefused):
        await second
    assert inner.tried == 2


@pytest_twisted.ensureDeferred
async def test_giving_up_while_waiting() -> None:
    """An exchange that is given up in the queue does not hold up the others."""
    inner = Inner()
    first, second, third = start(LockoutGuard(inner), 3)
    second.cancel()
    with pytest.raises(CancelledError):
        await second
    first.cancel()
    with pytest.raises(CancelledError):
        await first
    inner.waiting.pop(0)
    inner.end(answer(200))
    assert (await third).status == 200
