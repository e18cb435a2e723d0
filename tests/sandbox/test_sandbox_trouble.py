"""What goes wrong below EWS, by chance, for a while, and under load."""

import gzip
import json
from collections import Counter
from datetime import timedelta
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.http_headers import Headers

from pexschedd.sandbox.faults.behaviour import Behaviour
from pexschedd.sandbox.faults.fault import TRANSPORT, BehaviourError
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    START,
    CheckedSandbox,
    find_item,
    text,
)
from tests.sandbox.signin_support import Wire, connect
from tests.sandbox.test_sandbox_http import BROKEN, FIND, basic, behave, ews, send
from tests.turns import some_turns

SYNC = (
    "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>"
    '<m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId>{}'
    "<m:MaxChangesReturned>10</m:MaxChangesReturned></m:SyncFolderItems>"
)


async def trouble(url: str, **fault: object) -> Any:
    """The answer as it comes: no redirect is followed, nothing is unpacked."""
    assert await behave(url, faults=[fault]) == 200
    io = _reactor()
    headers = {name: [value] for name, value in basic(ALICE, "alice").items()}
    return await Agent(io, pool=HTTPConnectionPool(io, persistent=False)).request(
        b"POST",
        f"{url}/EWS/Exchange.asmx".encode(),
        Headers(headers),
        FileBodyProducer(BytesIO(FIND)),
    )


class Reader(Protocol):
    """Counts what comes, keeps it if wanted, and may have had enough."""

    def __init__(self, enough: int | None = None) -> None:
        self.seen = bytearray()
        self.done: Deferred[bytes] = Deferred()
        self._enough = enough

    def dataReceived(self, data: bytes) -> None:
        self.seen += data
        if self._enough is not None and len(self.seen) > self._enough:
            assert self.transport is not None
            self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self.done.callback(bytes(self.seen))


async def read(response: Any, enough: int | None = None) -> bytes:
    reader = Reader(enough)
    response.deliverBody(reader)
    return await reader.done


def _reactor() -> Any:
    from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

    return reactor


@pytest.mark.parametrize("kind", ["close", "cut-headers"])
@pytest_twisted.ensureDeferred
async def test_connections_that_end(served: str, kind: str) -> None:
    """Before any answer, or within its first lines."""
    with pytest.raises(BROKEN):
        await trouble(served, kind=kind)
    assert (await ews(served))[0] == 200


@pytest.mark.parametrize("kind", ["redirect", "http-307"])
@pytest_twisted.ensureDeferred
async def test_redirects(served: str, kind: str) -> None:
    """To wherever was wanted."""
    response = await trouble(served, kind=kind, location="https://elsewhere.example/")
    await read(response)
    assert response.code == (302 if kind == "redirect" else 307)
    found = response.headers.getRawHeaders("location")
    assert found == ["https://elsewhere.example/"]


@pytest_twisted.ensureDeferred
async def test_answers_that_are_not_quite_right(served: str) -> None:
    """A page of ASP.NET instead of SOAP; SOAP that does not say what it is."""
    response = await trouble(served, kind="wrong-content")
    assert response.code == 500
    assert response.headers.getRawHeaders("content-type") == [
        "text/html; charset=utf-8"
    ]
    assert b"Server Error in '/EWS' Application" in await read(response)
    response = await trouble(served, kind="no-content-type")
    assert response.headers.getRawHeaders("content-type") is None
    etree.fromstring(await read(response))


@pytest_twisted.ensureDeferred
async def test_a_slow_answer(sandbox: CheckedSandbox, served: str) -> None:
    """So many bytes a second of the sandbox's clock, and the whole in the end."""
    clock = Clock()
    sandbox._clock = clock
    io = _reactor()
    port = io.listenTCP(0, sandbox.site(), interface="127.0.0.1")
    response = await trouble(
        f"http://127.0.0.1:{port.getHost().port}", kind="slow", bytes_per_s=100
    )
    reader = Reader()
    response.deliverBody(reader)
    for _ in range(5):
        clock.advance(0.5)
    await some_turns()
    assert len(reader.seen) == 300
    clock.pump([1] * 200)
    etree.fromstring(await reader.done)
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_client_that_gives_up_on_a_slow_answer(
    sandbox: CheckedSandbox, served: str
) -> None:
    """Leaves nothing behind."""
    clock = Clock()
    sandbox._clock = clock
    io = _reactor()
    port = io.listenTCP(0, sandbox.site(), interface="127.0.0.1")
    wire = await connect(port.getHost().port)
    assert await behave(served, faults=[{"kind": "slow"}]) == 200
    waiting = wire.ask(FIND, basic(ALICE, "alice")["authorization"])
    await some_turns()
    assert [call for call in clock.getDelayedCalls() if "SlowBody" in repr(call)]
    assert wire.transport is not None
    wire.transport.abortConnection()  # type: ignore[attr-defined]  # TCP has it
    assert await waiting is None
    await some_turns()
    assert not [call for call in clock.getDelayedCalls() if "SlowBody" in repr(call)]
    await port.stopListening()


@pytest.mark.parametrize("packed", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_huge_answer(served: str, packed: bool) -> None:
    """As many bytes as was wanted; compressed hardly any on the wire."""
    size = 3_000_000
    response = await trouble(served, kind="huge", bytes=size, gzip=packed)
    coding = response.headers.getRawHeaders("content-encoding")
    body = await read(response)
    assert coding == (["gzip"] if packed else None)
    assert len(body) < size / 500 if packed else len(body) >= size
    assert len(gzip.decompress(body) if packed else body) == size


@pytest_twisted.ensureDeferred
async def test_a_huge_answer_may_be_refused(served: str) -> None:
    """A client that leaves in the middle of a gigabyte ends it."""
    response = await trouble(served, kind="huge", bytes=10**9)
    assert len(await read(response, enough=10**6)) < 10**7


def test_faults_for_a_while() -> None:
    """Every call until the time is over, none after."""
    clock = Clock()
    behaviour = Behaviour(seconds=clock.seconds)
    behaviour.configure({"faults": [{"kind": "reset", "for_s": 60}]})
    for _ in range(3):
        assert behaviour.take("FindItem", ALICE).whole is not None
        clock.advance(19)
    clock.advance(3)
    assert behaviour.take("FindItem", ALICE).whole is None


@pytest.mark.parametrize("kind", [*TRANSPORT, "http-401", "http-503", "http-302"])
@pytest_twisted.ensureDeferred
async def test_no_trouble_lasts(served: str, kind: str) -> None:
    """Whatever goes wrong, and however the client leaves: the next call is well."""
    port = int(served.rpartition(":")[2])
    authorization = basic(ALICE, "alice")["authorization"]
    for leaves in (True, False):
        wanted = {"rate": 1, "faults": [{"kind": kind, "bytes_per_s": 10**6}]}
        await behave(served, random=wanted)
        wire = await connect(port)
        wire.ask(FIND, authorization)
        if not leaves:
            await some_turns()
        assert wire.transport is not None
        wire.transport.abortConnection()  # type: ignore[attr-defined]  # TCP has it
        await some_turns()
        await behave(served)
        assert (await ews(served))[0] == 200


@given(rate=st.sampled_from([0.0, 0.2, 1.0]), seed=st.integers(0, 1000))
def test_faults_by_chance(rate: float, seed: int) -> None:
    """About so many calls, of every kind, and the same for the same seed."""
    kinds = ["reset", "hang", "ErrorServerBusy", "http-503"]

    def thrown() -> list[str]:
        behaviour = Behaviour()
        faults = [{"kind": kind} for kind in kinds]
        behaviour.configure({"random": {"rate": rate, "seed": seed, "faults": faults}})
        taken = [behaviour.take("FindItem", ALICE).whole for _ in range(500)]
        return ["" if each is None else each.kind for each in taken]

    seen = Counter(thrown())
    share = (500 - seen[""]) / 500
    assert abs(share - rate) < 0.1
    assert set(seen) - {""} == (set(kinds) if rate else set())
    assert thrown() == thrown()


@pytest.mark.parametrize(
    "wanted",
    [
        {"random": {"rate": 1.5, "faults": []}},
        {"random": {"rate": 0.5, "faults": [{"kind": "nonsense"}]}},
        {"faults": [{"kind": "slow", "bytes_per_s": 0}]},
        {"faults": [{"kind": "redirect", "location": "/\r\nx: y"}]},
        {"faults": [{"kind": "reset", "for_s": -1}]},
        {"throttling": {"max_concurrent": "many"}},
        {"clock_skew_s": 1e12},
        {"sign_in": {"methods": ["Kerberos"]}},
    ],
)
def test_wishes_that_make_no_sense(wanted: dict[str, Any]) -> None:
    """They are refused, and say what is wrong."""
    with pytest.raises(BehaviourError):
        Behaviour().configure(wanted)


@pytest_twisted.ensureDeferred
async def test_the_servers_clock(served: str) -> None:
    """Its Date is the sandbox's own time, and as wrong as was wanted."""
    for skew in (0, 3600):
        await behave(served, clock_skew_s=skew)
        _, headers, _ = await ews(served)
        (date,) = headers.getRawHeaders("date")
        assert parsedate_to_datetime(date) == START + timedelta(seconds=skew)


@pytest_twisted.ensureDeferred
async def test_headers_of_real_servers(served: str) -> None:
    """What an administrator is asked for when something has gone wrong."""
    _, headers, _ = await ews(served)
    for name in ("request-id", "X-FEServer", "X-BEServer", "X-DiagInfo"):
        assert headers.hasHeader(name)


async def faults_of(wires: list[Wire], count: int) -> list[str]:
    waiting = [
        wire.ask(FIND, basic(ALICE, "alice")["authorization"]) for wire in wires[:count]
    ]
    codes = []
    for each in waiting:
        reply = await each
        assert reply is not None
        code = etree.fromstring(reply.body).findtext(".//{*}ResponseCode", "")
        codes.append(code)
    return sorted(codes)


@pytest_twisted.ensureDeferred
async def test_too_many_at_a_time(sandbox: CheckedSandbox, served: str) -> None:
    """Only so many requests of a mailbox are open together; then all goes on."""
    limits = {"max_concurrent": 2}
    await behave(served, throttling=limits, latency_ms=50)
    port = int(served.rpartition(":")[2])
    wires = [await connect(port) for _ in range(3)]
    refused = "ErrorExceededConnectionCount"
    assert await faults_of(wires, 3) == [refused, "NoError", "NoError"]
    assert await faults_of(wires, 2) == ["NoError", "NoError"]
    for wire in wires:
        assert wire.transport is not None
        wire.transport.loseConnection()
    await some_turns()


@pytest_twisted.ensureDeferred
async def test_too_many_in_a_minute(sandbox: CheckedSandbox, served: str) -> None:
    """Then the mailbox is busy, and it says for how long; others are not."""
    await behave(served, throttling={"requests_per_minute": 2})
    for status in (200, 200, 500):
        code, _, body = await ews(served)
        assert code == status
    answer = etree.fromstring(body)
    assert text(answer, ".//e:ResponseCode") == "ErrorServerBusy"
    back_off = text(answer, ".//t:MessageXml/t:Value[@Name='BackOffMilliseconds']")
    assert 50_000 < int(back_off) <= 60_000
    assert (await ews(served, user=BOB, password="bob"))[0] == 200


def test_a_mailbox_that_moves(sandbox: CheckedSandbox) -> None:
    """For a while it is out of reach; after that one has to begin afresh."""
    clock = Clock()
    sandbox._clock = clock
    state = text(sandbox.ask(ALICE, SYNC.format("")), ".//m:SyncState")
    again = SYNC.format(f"<m:SyncState>{state}</m:SyncState>")
    assert sandbox.codes(ALICE, again) == ["NoError"]
    sandbox.move_mailbox(ALICE, 60)
    clock.advance(59)
    assert sandbox.fault(ALICE, find_item()) == "ErrorMailboxMoveInProgress"
    assert sandbox.codes(BOB, find_item()) == ["NoError"]
    clock.advance(1)
    assert sandbox.codes(ALICE, again) == ["ErrorInvalidSyncStateData"]
    assert sandbox.codes(ALICE, SYNC.format("")) == ["NoError"]


@pytest_twisted.ensureDeferred
async def test_moving_over_http(served: str) -> None:
    """The same for clients; a mailbox that is not there cannot move."""
    for mailbox, status in ((ALICE, 200), ("nobody@example.test", 404)):
        data = json.dumps({"mailbox": mailbox, "for_s": 60}).encode()
        code, _, _ = await send("PUT", f"{served}/sandbox/moves", data)
        assert code == status
    assert (await ews(served))[0] == 500
