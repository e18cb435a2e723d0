"""The public route for change notifications, on a real socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_twisted
from twisted.internet.task import Clock
from twisted.web.resource import Resource

from pexschedd.util.token_bucket import Rate
from pexschedd.web.access_log import AnsweredRequest, access_line
from pexschedd.web.addin.rates import NO_BOUND, RequestRates
from pexschedd.web.addin.route_groups import PREFIX
from pexschedd.web.webhooks.change_notifications import (
    GROUP,
    ChangeNotificationRoutes,
    webhook_url,
)
from tests.web_addin.addin_support import Routes

PATH = f"/1/{GROUP}/right"
RATE = Rate(at_once=40, per_minute=60)


@dataclass
class Hook:
    """The one webhook that there is."""

    is_validating: bool = True
    is_readable: bool = True
    bodies: list[bytes] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def find(self, integration: int, key: str) -> "Hook | None":
        return self if (integration, key) == (1, "right") else None

    def validate(self, token: str) -> bool:
        self.tokens.append(token)
        return self.is_validating

    def post(self, body: bytes) -> None:
        if not self.is_readable:
            raise ValueError("<script>")
        self.bodies.append(body)


@pytest.fixture
def hook() -> Hook:
    return Hook()


@pytest_twisted.async_yield_fixture()
async def hooked(hook: Hook) -> AsyncIterator[Routes]:
    rates = RequestRates(NO_BOUND, RATE, hook.clock.seconds)
    routes = ChangeNotificationRoutes(hook.find, rates)
    running = Routes(Resource(), {GROUP: routes.app.resource()})
    await running.listen()
    yield running
    await running.close()


@pytest_twisted.ensureDeferred
async def test_a_notification_is_taken(hook: Hook, hooked: Routes) -> None:
    """Answered 202 with nothing in it."""
    answer = await hooked.post(PATH, b'{"value": []}')
    assert (answer.status, answer.body) == (202, b"")
    assert hook.bodies == [b'{"value": []}']


@pytest.mark.parametrize(
    ("written", "token"),
    [
        (
            "Validation%3a+Testing+client+application+reachability+for+Request-Id%3a+1",
            "Validation: Testing client application reachability for Request-Id: 1",
        ),
        ("a%2Bb%20c", "a+b c"),
        ("%C3%A9", "é"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_validation(
    hook: Hook, hooked: Routes, written: str, token: str
) -> None:
    """The token comes back decoded, as plain text that no browser takes for a page."""
    answer = await hooked.post(f"{PATH}?validationToken={written}", b"")
    assert (answer.status, answer.body.decode()) == (200, token)
    assert hook.tokens == [token]
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert hook.bodies == []


@pytest_twisted.ensureDeferred
async def test_a_validation_that_is_not_for_us(hook: Hook, hooked: Routes) -> None:
    """Refused in JSON, without a word of what was sent; two tokens are none."""
    await hooked.post(f"{PATH}?validationToken=a&validationToken=b", b"")
    assert hook.tokens == [""]
    hook.is_validating = False
    answer = await hooked.post(f"{PATH}?validationToken=attack", b"")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/json"
    assert b"attack" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        f"/1/{GROUP}/wrong",
        f"/2/{GROUP}/right",
        f"/1/{GROUP}/right/more",
        f"/1/{GROUP}/",
        f"/1/{GROUP}",
        f"/{GROUP}/right",
        f"/01/{GROUP}/right",
    ],
)
@pytest_twisted.ensureDeferred
async def test_other_addresses(hook: Hook, hooked: Routes, path: str) -> None:
    """There is nothing at any other address, not even for a validation."""
    for query in ("", "?validationToken=attack"):
        answer = await hooked.post(path + query, b'{"value": []}')
        assert answer.status in (404, 405)
        assert answer.json["status"] == "error"
        assert b"attack" not in answer.body
    assert hook.bodies == []


@pytest_twisted.ensureDeferred
async def test_other_methods(hooked: Routes) -> None:
    """Graph posts; a browser that follows a link gets no token back."""
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = await hooked.get(f"{PATH}?validationToken=x", method=method)
        assert answer.status == 405
        assert answer.headers["allow"] == "POST"


@pytest_twisted.ensureDeferred
async def test_bodies_that_are_none(hook: Hook, hooked: Routes) -> None:
    """Refused without a word of theirs, large ones before they are read."""
    hook.is_readable = False
    answer = await hooked.post(PATH, b"nonsense")
    assert answer.status == 400
    assert answer.json["code"] == "bad_request"
    assert b"script" not in answer.body
    hook.is_readable = True
    answer = await hooked.post(PATH, b"x" * (2 * 1024 * 1024))
    assert answer.status == 413
    assert hook.bodies == []


@pytest_twisted.ensureDeferred
async def test_too_many(hook: Hook, hooked: Routes) -> None:
    """Beyond the rate of its address nothing is looked at; later it is again."""
    for number in range(RATE.at_once):
        key = "right" if number % 2 else "wrong"
        assert (await hooked.post(f"/1/{GROUP}/{key}", b"{}")).status != 429
    answer = await hooked.post(PATH, b"{}")
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert len(hook.bodies) == RATE.at_once // 2
    hook.clock.advance(60)
    assert (await hooked.post(PATH, b"{}")).status == 202


def test_the_address_is_the_add_ins() -> None:
    """Beside the pane, so that a proxy which lets the add-in through lets this
    through."""
    assert webhook_url("vc.example.test", 7, "key") == (
        f"https://vc.example.test{PREFIX}/7/{GROUP}/key"
    )


@pytest.mark.parametrize("rest", ["", "/more", "?validationToken=x"])
def test_the_key_is_not_logged(rest: str) -> None:
    """The access log names the integration, and leaves out what nobody may know."""
    path = f"{PREFIX}/1/{GROUP}/right{rest}".encode()
    answered = AnsweredRequest(
        time="",
        request_id="",
        address="",
        path=path,
        status=202,
        size=0,
        milliseconds=0,
    )
    line = access_line(answered)
    assert f'"path":"{PREFIX}/1/{GROUP}/..."' in line
    assert "right" not in line
