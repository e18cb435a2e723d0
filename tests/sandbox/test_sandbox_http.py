"""The sandbox on a socket: signing in, faults on demand, tokens, limits."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

import jwt
import pytest
import pytest_twisted
import treq
from cryptography import x509
from treq.testing import StubTreq
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock, deferLater
from twisted.web._newclient import ResponseFailed, ResponseNeverReceived
from twisted.web.client import HTTPConnectionPool
from twisted.web.http_headers import Headers

from pexschedd.sandbox.web.site import BODY_LIMIT
from tests.sandbox.sandbox_support import (
    ALICE,
    EQUIPMENT,
    NS,
    CheckedSandbox,
    find_item,
)

ENVELOPE = (
    "<s:Envelope "
    + " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
    + "><s:Header><t:RequestServerVersion Version='Exchange2013_SP1'/></s:Header>"
    "<s:Body>{}</s:Body></s:Envelope>"
)
FIND = ENVELOPE.format(find_item()).encode()
BROKEN = (ConnectionDone, ConnectionLost, ResponseFailed, ResponseNeverReceived)


def basic(user: str, password: str) -> dict[str, str]:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def one_shot() -> HTTPConnectionPool:
    """No connection outlives its test."""
    from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

    return HTTPConnectionPool(reactor, persistent=False)


async def send(
    method: str,
    url: str,
    data: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any, bytes]:
    given = Headers({name: [value] for name, value in (headers or {}).items()})
    response = await treq.request(
        method, url, data=data, headers=given, pool=one_shot()
    )
    return response.code, response.headers, await treq.content(response)


async def ews(
    url: str, data: bytes = FIND, user: str = ALICE, password: str = "alice"
) -> tuple[int, Any, bytes]:
    return await send("POST", f"{url}/EWS/Exchange.asmx", data, basic(user, password))


async def behave(url: str, **wanted: object) -> int:
    data = json.dumps(wanted).encode()
    code, _, _ = await send("PUT", f"{url}/sandbox/behaviour", data)
    return code


async def calls(url: str, method: str = "GET") -> dict[str, int]:
    _, _, body = await send(method, f"{url}/sandbox/calls")
    counted: dict[str, int] = json.loads(body)
    return counted


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        (ALICE, "alice", 200),
        ("ALICE", "alice", 200),
        ("EXAMPLE\\alice", "alice", 200),
        (ALICE, "wrong", 401),
        ("nobody@example.test", "x", 401),
        (EQUIPMENT, "", 401),
        (EQUIPMENT, "pexipmeeting", 401),
    ],
)
@pytest_twisted.ensureDeferred
async def test_signing_in(served: str, user: str, password: str, status: int) -> None:
    """Name and password; nobody signs in as the equipment."""
    code, headers, _ = await ews(served, user=user, password=password)
    assert code == status
    challenge = headers.getRawHeaders("www-authenticate")
    assert challenge == (['Basic realm="127.0.0.1"'] if status == 401 else None)


@pytest.mark.parametrize("header", [{}, {"authorization": "Basic %%%"},
                                    {"authorization": "Bearer abc"}])  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_no_credentials(served: str, header: dict[str, str]) -> None:
    """Nothing usable is answered with a challenge, as IIS does."""
    code, _, _ = await send("POST", f"{served}/ews/exchange.asmx", FIND, header)
    assert code == 401


@pytest_twisted.ensureDeferred
async def test_the_path_has_no_case(served: str) -> None:
    """IIS does not mind how the path is written."""
    for path in ("/EWS/Exchange.asmx", "/ews/exchange.ASMX"):
        code, headers, _ = await send(
            "POST", served + path, FIND, basic(ALICE, "alice")
        )
        assert code == 200
        assert headers.getRawHeaders("content-type") == ["text/xml; charset=utf-8"]


@pytest_twisted.ensureDeferred
async def test_calls_are_counted(served: str) -> None:
    """By operation, also those that fail; zero again when asked to."""
    await ews(served)
    await ews(served)
    await ews(served, ENVELOPE.format("<m:GetFolder/>").encode())
    assert await calls(served) == {"FindItem": 2, "GetFolder": 1}
    assert await calls(served, "DELETE") == {}


@pytest_twisted.ensureDeferred
async def test_a_response_code_on_demand(served: str) -> None:
    """As a fault with its back-off, as often as asked for, for that operation only."""
    fault = {
        "operation": "FindItem",
        "kind": "ErrorServerBusy",
        "times": 2,
        "back_off_ms": 1234,
    }
    assert await behave(served, faults=[fault]) == 200
    for _ in range(2):
        code, _, body = await ews(served)
        assert code == 500
        assert b'Name="BackOffMilliseconds">1234<' in body
    code, _, _ = await ews(served)
    assert code == 200


@pytest_twisted.ensureDeferred
async def test_an_item_fails_on_demand(served: str, sandbox: CheckedSandbox) -> None:
    """Only that item of the batch, and within a good answer."""
    fault = {"kind": "ErrorInternalServerError", "item": True, "index": 1}
    fault = {**fault, "inner": "ErrorServerBusy", "back_off_ms": 5}
    assert await behave(served, faults=[fault]) == 200
    folders = '<t:DistinguishedFolderId Id="inbox"/>' * 3
    request = (
        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
        f"<m:FolderIds>{folders}</m:FolderIds></m:GetFolder>"
    )
    code, _, body = await ews(served, ENVELOPE.format(request).encode())
    assert code == 200
    assert body.count(b"NoError") == 2
    assert b'Name="InnerErrorResponseCode">ErrorServerBusy<' in body
    assert sandbox.checked in (0, 1)


@pytest.mark.parametrize(
    ("fault", "status", "header", "value"),
    [
        ({"kind": "http-503", "retry_after_s": 7}, 503, "retry-after", "7"),
        ({"kind": "http-401"}, 401, "www-authenticate", 'Basic realm="127.0.0.1"'),
        ({"kind": "login-page"}, 200, "content-type", "text/html; charset=utf-8"),
        ({"kind": "garbage"}, 200, "content-type", "text/xml; charset=utf-8"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_http_misbehaviour(
    served: str, fault: dict[str, object], status: int, header: str, value: str
) -> None:
    """What proxies, IIS and login forms answer in place of Exchange."""
    assert await behave(served, faults=[fault]) == 200
    code, headers, body = await ews(served)
    assert code == status
    assert headers.getRawHeaders(header) == [value]
    assert b"FindItemResponse" not in body


@pytest.mark.parametrize("kind", ["reset", "truncate"])
@pytest_twisted.ensureDeferred
async def test_the_connection_breaks(served: str, kind: str) -> None:
    """Before any answer, or in the middle of it."""
    assert await behave(served, faults=[{"kind": kind}]) == 200
    with pytest.raises(BROKEN):
        await ews(served)
    code, _, _ = await ews(served)
    assert code == 200


@pytest_twisted.ensureDeferred
async def test_no_answer_at_all(served: str, sandbox: CheckedSandbox) -> None:
    """A client has to give up by itself."""
    assert await behave(served, faults=[{"kind": "hang"}]) == 200
    waiting: Deferred[object] = Deferred.fromCoroutine(ews(served))
    while not sandbox.calls:  # or the next request could overtake it
        await deferLater(cast(Any, _reactor), 0)
    code, _, _ = await ews(served)
    assert code == 200
    assert not waiting.called
    waiting.cancel()
    with pytest.raises((CancelledError, *BROKEN)):
        await waiting


@pytest_twisted.ensureDeferred
async def test_the_answer_gets_lost(served: str, sandbox: CheckedSandbox) -> None:
    """After: it has been done, though nobody hears of it."""
    fault = {"operation": "CreateItem", "kind": "reset", "after": True}
    assert await behave(served, faults=[fault]) == 200
    request = (
        '<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:Message><t:Subject>x'
        f"</t:Subject><t:ToRecipients><t:Mailbox><t:EmailAddress>{ALICE}"
        "</t:EmailAddress></t:Mailbox></t:ToRecipients></t:Message></m:Items>"
        "</m:CreateItem>"
    )
    with pytest.raises(BROKEN):
        await ews(served, ENVELOPE.format(request).encode())
    assert len(sandbox.exchange.mailbox(ALICE).inbox()) == 1


@pytest.mark.parametrize(
    "wanted",
    [
        {"faults": [{"kind": "sometimes"}]},
        {"faults": [{"kind": "http-999"}]},
        {"faults": [{"kind": "reset", "item": True}]},
        {"faults": [{"kind": "reset", "times": -1}]},
        {"faults": [{"operation": "FindItem"}]},
        {"latency_ms": -1},
        {"latency": 1},
    ],
)
@pytest_twisted.ensureDeferred
async def test_senseless_behaviour_is_refused(
    served: str, wanted: dict[str, object]
) -> None:
    """With 400, and nothing changes."""
    assert await behave(served, **wanted) == 400
    code, _, _ = await ews(served)
    assert code == 200


def test_latency_waits_on_the_clock(sandbox: CheckedSandbox) -> None:
    """The answer comes when the injected clock says so, and not before."""
    clock = Clock()
    sandbox._clock = clock
    sandbox.behaviour.configure({"latency_ms": 2000})
    stub: Any = StubTreq(sandbox.resource())
    headers = basic(ALICE, "alice")
    codes: list[int] = []
    asked = stub.post("http://x/EWS/Exchange.asmx", data=FIND, headers=headers)
    asked.addCallback(lambda response: codes.append(response.code))
    clock.advance(1.9)
    stub.flush()
    assert codes == []
    clock.advance(0.2)
    stub.flush()
    assert codes == [200]


@pytest_twisted.ensureDeferred
async def test_too_long_a_body(served: str) -> None:
    """Refused with 413 before it is read."""
    headers = basic(ALICE, "alice")
    try:
        code, _, _ = await send(
            "POST", f"{served}/EWS/Exchange.asmx", b"x" * (BODY_LIMIT + 1), headers
        )
    except BROKEN:
        return
    assert code == 413


async def token(url: str, **wanted: object) -> tuple[int, dict[str, Any]]:
    data = json.dumps(wanted).encode()
    code, _, body = await send("POST", f"{url}/sandbox/identity-tokens", data)
    return code, json.loads(body)


@pytest_twisted.ensureDeferred
async def test_an_identity_token_verifies(served: str, sandbox: CheckedSandbox) -> None:
    """Against the certificate in the metadata document that it names itself, with the
    claims in their real forms."""
    audience = "https://desk.example.test/addin"
    code, answer = await token(served, mailbox=ALICE, audience=audience)
    assert code == 200
    header = jwt.get_unverified_header(answer["token"])
    raw = jwt.decode(answer["token"], options={"verify_signature": False})
    context = json.loads(raw["appctx"])
    assert context["amurl"] == f"{served}/autodiscover/metadata/json/1"
    _, _, body = await send("GET", context["amurl"])
    (key,) = json.loads(body)["keys"]
    der = base64.b64decode(key["keyvalue"]["value"])
    thumbprint = hashlib.sha1(der).digest()  # noqa: S324 - x5t is SHA-1
    assert header == {
        "typ": "JWT",
        "alg": "RS256",
        "kid": thumbprint.hex().upper(),
        "x5t": base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode(),
    }
    assert key["keyinfo"]["x5t"] == header["x5t"]
    public: Any = x509.load_der_x509_certificate(der).public_key()
    assert public.key_size == 2048
    claims = jwt.decode(
        answer["token"],
        public,
        algorithms=["RS256"],
        audience=audience,
        options={"verify_exp": False, "verify_nbf": False},
    )
    now = int(sandbox.moment.timestamp())
    assert (claims["nbf"], claims["exp"]) == (now, now + 28_800)
    assert claims["iss"] == "00000002-0000-0ff1-ce00-000000000000@example.test"
    assert claims["appctxsender"] == claims["iss"]
    assert claims["isbrowserhostedapp"] == "true"
    assert context["version"] == "ExIdTok.V1"
    assert context["msexchuid"].endswith("@127.0.0.1")


@pytest_twisted.ensureDeferred
async def test_an_expired_token(served: str, sandbox: CheckedSandbox) -> None:
    """A negative lifetime: it ended that long ago, after a normal life."""
    _, answer = await token(served, mailbox=ALICE, audience="x", lifetime_s=-60)
    claims = jwt.decode(answer["token"], options={"verify_signature": False})
    now = int(sandbox.moment.timestamp())
    assert claims["exp"] == now - 60
    assert claims["nbf"] == now - 60 - 28_800


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"mailbox": "nobody@example.test", "audience": "x"}, 404),
        ({"mailbox": ALICE}, 400),
        ({"mailbox": ALICE, "audience": ""}, 400),
        ({"mailbox": ALICE, "audience": "x", "lifetime_s": "long"}, 400),
        ({"mailbox": ALICE, "audience": "x", "more": 1}, 400),
    ],
)
@pytest_twisted.ensureDeferred
async def test_bad_token_requests(
    served: str, wanted: dict[str, object], status: int
) -> None:
    """A JSON error that says what is wrong."""
    code, answer = await token(served, **wanted)
    assert code == status
    assert answer["error"]
