"""NTLM and Negotiate as IIS does them, leg by leg on real connections."""

import base64
import os
from collections.abc import AsyncIterator
from typing import Any

import exchangelib as ex
import pytest
import pytest_twisted
from exchangelib.errors import UnauthorizedError
from exchangelib.version import EXCHANGE_2016, Version

from pexschedd.sandbox.signin.ntlm import ChannelBindingPolicy
from pexschedd.sandbox.signin.server_certificate import ServerCertificate
from pexschedd.sandbox.signin.settings import HandshakeClosing, SignIn
from tests.sandbox.exchangelib_support import Client, in_thread
from tests.sandbox.sandbox_support import ALICE, EQUIPMENT, CheckedSandbox
from tests.sandbox.signin_support import Pem, Wire, client, connect, handshake
from tests.sandbox.test_sandbox_http import FIND

PEM = Pem()
OTHER = Pem()


class Gate:
    """A sandbox on two ports, with and without TLS."""

    def __init__(
        self,
        sandbox: CheckedSandbox,
        plain: int,
        secure: int,
        certificate: ServerCertificate,
    ) -> None:
        self.certificate = certificate
        self.sandbox = sandbox
        self.plain = plain
        self.secure = secure
        self._wires: list[Wire] = []

    def rules(self, *methods: Any, **more: Any) -> None:
        rules = SignIn(methods=methods or ("NTLM",), **more)
        self.sandbox.behaviour.sign_in = rules

    async def wire(self, tls: Pem | None = None) -> Wire:
        wire = await connect(self.plain if tls is None else self.secure, tls)
        self._wires.append(wire)
        return wire

    def close(self) -> None:
        for wire in self._wires:
            if wire.transport is not None:
                wire.transport.abortConnection()  # type: ignore[attr-defined]  # TCP


@pytest_twisted.async_yield_fixture()
async def gate(sandbox: CheckedSandbox) -> AsyncIterator[Gate]:
    from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

    io: Any = reactor
    sandbox._clock = io
    site = sandbox.site()
    certificate = PEM.server()
    plain = io.listenTCP(0, site, interface="127.0.0.1")
    secure = io.listenSSL(0, site, certificate, interface="127.0.0.1")
    gate = Gate(sandbox, plain.getHost().port, secure.getHost().port, certificate)
    gate.rules()
    yield gate
    gate.close()
    await plain.stopListening()
    await secure.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_handshake_lasts_for_its_connection(gate: Gate) -> None:
    """401, challenge, 200; then no more questions here, but on a new connection."""
    wire = await gate.wire()
    first = await wire.ask()
    assert first is not None
    assert (first.status, first.all("www-authenticate")) == (401, ["NTLM"])
    reply = await handshake(wire, FIND, client())
    assert reply is not None
    assert (reply.status, reply.get("persistent-auth")) == (200, "true")
    again = await wire.ask(FIND)
    assert again is not None
    assert again.status == 200
    other = await (await gate.wire()).ask(FIND)
    assert other is not None
    assert other.status == 401
    assert "NTLM_USER_FILE" not in os.environ


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        (ALICE, "alice", 200),
        ("EXAMPLE\\alice", "alice", 200),
        ("example.test\\ALICE", "alice", 200),
        ("alice", "alice", 200),
        (ALICE, "wrong", 401),
        (ALICE, "ALICE", 401),
        ("nobody@example.test", "nobody", 401),
        (EQUIPMENT, "", 401),
    ],
)
@pytest_twisted.ensureDeferred
async def test_who_signs_in(gate: Gate, user: str, password: str, status: int) -> None:
    """Names in all their forms; a wrong password gets all offers again."""
    reply = await handshake(await gate.wire(), FIND, client(user, password))
    assert reply is not None
    assert reply.status == status
    assert reply.all("www-authenticate") == (["NTLM"] if status == 401 else [])


@pytest.mark.parametrize("token", ["", "%%%", "AAAA", "TlRMTVNTUAADAAAA",
                                   "TlRMTVNTUAABAAAA"])  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_nonsense(gate: Gate, token: str) -> None:
    """What is no NTLM is refused, and a real handshake works after it."""
    wire = await gate.wire()
    reply = await wire.ask(b"", f"NTLM {token}")
    assert reply is not None
    assert reply.status == 401
    good = await handshake(wire, FIND, client())
    assert good is not None
    assert good.status == 200


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
@pytest_twisted.ensureDeferred
async def test_a_handshake_begun_twice(gate: Gate, scheme: str) -> None:
    """The first message starts afresh, also in the middle and when all is done."""
    gate.rules(scheme)
    wire = await gate.wire()
    for _ in range(2):
        encoded = base64.b64encode(client(protocol=scheme.lower()).step()).decode()
        reply = await wire.ask(b"", f"{scheme} {encoded}")
        assert reply is not None
        assert reply.status == 401
        context = client(protocol=scheme.lower())
        good = await handshake(wire, FIND, context, scheme)
        assert good is not None
        assert good.status == 200
    wrong = client(password="wrong", protocol=scheme.lower())
    refused = await handshake(wire, FIND, wrong, scheme)
    assert refused is not None
    assert refused.status == 401
    after = await wire.ask(FIND)
    assert after is not None
    assert after.status == 401


@pytest_twisted.ensureDeferred
async def test_negotiate_with_ntlm_inside(gate: Gate) -> None:
    """SPNEGO, and bare NTLM under the name of Negotiate, which IIS takes as well."""
    gate.rules("Negotiate")
    for protocol in ("negotiate", "ntlm"):
        context = client(protocol=protocol)
        reply = await handshake(await gate.wire(), FIND, context, "Negotiate")
        assert reply is not None
        assert reply.status == 200, protocol
    wrong = client(password="wrong", protocol="negotiate")
    reply = await handshake(await gate.wire(), FIND, wrong, "Negotiate")
    assert reply is not None
    assert reply.status == 401


@pytest_twisted.ensureDeferred
async def test_only_what_is_offered(gate: Gate) -> None:
    """In the order of the settings; a method that is not offered is not taken."""
    gate.rules("Negotiate", "NTLM", "Basic", "Bearer")
    first = await (await gate.wire()).ask()
    assert first is not None
    names = [each.partition(" ")[0] for each in first.all("www-authenticate")]
    assert names == ["Negotiate", "NTLM", "Basic", "Bearer"]
    gate.rules("Basic")
    reply = await handshake_refused(gate)
    assert reply == ["Basic"]
    gate.rules("NTLM", silent=True)
    bare = await (await gate.wire()).ask()
    assert bare is not None
    assert (bare.status, bare.all("www-authenticate")) == (401, [])


async def handshake_refused(gate: Gate) -> list[str]:
    wire = await gate.wire()
    reply = await wire.ask(b"", "NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA=")
    assert reply is not None
    assert reply.status == 401
    return [each.partition(" ")[0] for each in reply.all("www-authenticate")]


@pytest.mark.parametrize(
    ("binding", "sent", "status"),
    [
        (ChannelBindingPolicy.NONE, None, 200),
        (ChannelBindingPolicy.NONE, PEM, 200),
        (ChannelBindingPolicy.NONE, OTHER, 200),
        (ChannelBindingPolicy.ALLOW, None, 200),
        (ChannelBindingPolicy.ALLOW, PEM, 200),
        (ChannelBindingPolicy.ALLOW, OTHER, 401),
        (ChannelBindingPolicy.REQUIRED, None, 401),
        (ChannelBindingPolicy.REQUIRED, PEM, 200),
        (ChannelBindingPolicy.REQUIRED, OTHER, 401),
    ],
)
@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
@pytest_twisted.ensureDeferred
async def test_extended_protection(
    gate: Gate,
    binding: ChannelBindingPolicy,
    sent: Pem | None,
    status: int,
    scheme: str,
) -> None:
    """Over TLS the bindings are wanted, looked at, or neither."""
    gate.rules(scheme, channel_binding=binding)
    certificate = None if sent is None else sent.certificate
    context = client(protocol=scheme.lower(), certificate=certificate)
    reply = await handshake(await gate.wire(PEM), FIND, context, scheme)
    assert reply is not None
    assert reply.status == status


@pytest_twisted.ensureDeferred
async def test_other_settings_forget_who_has_signed_in(gate: Gate) -> None:
    """Connections that stand have to sign in again."""
    wire = await gate.wire()
    good = await handshake(wire, FIND, client())
    assert good is not None
    assert good.status == 200
    wanted = {"methods": ["NTLM"], "channel_binding": "required"}
    gate.sandbox.behaviour.configure({"sign_in": wanted})
    after = await wire.ask(FIND)
    assert after is not None
    assert after.status == 401


@pytest_twisted.ensureDeferred
async def test_a_renewed_certificate(gate: Gate) -> None:
    """New connections see it, and have to bind to it; those that stand go on."""
    gate.rules(channel_binding=ChannelBindingPolicy.REQUIRED)
    old = await gate.wire(PEM)
    good = await handshake(old, FIND, client(certificate=PEM.certificate))
    gate.certificate.use(OTHER.text)
    still = await old.ask(FIND)
    fresh = await gate.wire(OTHER)
    stale = await handshake(fresh, FIND, client(certificate=PEM.certificate))
    renewed = await handshake(fresh, FIND, client(certificate=OTHER.certificate))
    assert good is not None
    assert still is not None
    assert stale is not None
    assert renewed is not None
    statuses = [each.status for each in (good, still, stale, renewed)]
    assert statuses == [200, 200, 401, 200]


@pytest_twisted.ensureDeferred
async def test_single_requests(gate: Gate) -> None:
    """Every request needs a handshake of its own."""
    gate.rules(single_request=True)
    wire = await gate.wire()
    for _ in range(2):
        reply = await handshake(wire, FIND, client())
        assert reply is not None
        assert (reply.status, reply.get("persistent-auth")) == (200, None)
        after = await wire.ask(FIND)
        assert after is not None
        assert after.status == 401


@pytest.mark.parametrize(
    ("closing", "said"),
    [(HandshakeClosing.SECOND_LEG, None), (HandshakeClosing.CHALLENGE, "close")],
)
@pytest_twisted.ensureDeferred
async def test_closed_connections(
    gate: Gate, closing: HandshakeClosing, said: str | None
) -> None:
    """The challenge comes, but there is no third leg; the next time it works."""
    gate.rules(closing=closing, closing_times=1)
    wire = await gate.wire()
    token = "NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA="
    reply = await wire.ask(b"", token)
    assert reply is not None
    assert (reply.status, reply.get("connection")) == (401, said)
    assert await wire.ask(FIND) is None
    good = await handshake(await gate.wire(), FIND, client())
    assert good is not None
    assert good.status == 200


@pytest.mark.parametrize("password", ["alice", "wrong"])
@pytest_twisted.ensureDeferred
async def test_exchangelib_signs_in_with_ntlm(gate: Gate, password: str) -> None:
    """Its own NTLM client, unmodified."""

    def work(maker: Client) -> str:
        config = ex.Configuration(
            service_endpoint=maker._endpoint,
            credentials=ex.Credentials("EXAMPLE\\alice", password),
            auth_type=ex.NTLM,
            retry_policy=ex.FailFast(),
            version=Version(build=EXCHANGE_2016),
        )
        account = ex.Account(
            ALICE, config=config, autodiscover=False, access_type=ex.DELEGATE
        )
        try:
            return str(account.inbox.name)
        except UnauthorizedError:
            return "refused"

    expected = "Inbox" if password == "alice" else "refused"
    assert await in_thread(f"http://127.0.0.1:{gate.plain}", work) == expected
