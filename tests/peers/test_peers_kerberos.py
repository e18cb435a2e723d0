"""Kerberos with MIT's KDC and Apache: a real realm, real tickets."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from pexschedd.errors import MailboxUnreachable, SignInRefused
from pexschedd.ews.connection import Limits
from pexschedd.model.integration import Connector
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.signing_in import Kerberos, SigningIn
from tests.ews.ews_auth_support import Counting
from tests.ews.ews_exchange import Exchange
from tests.net.net_support import Authority
from tests.peers.apache import Apache
from tests.peers.kdc import REALM, Kdc
from tests.peers.peers_work import work
from tests.ports import free_ports

reactor: Any = _reactor
Start = Callable[[Apache], Exchange]


def now() -> datetime:
    return datetime.now(UTC)


class Office:
    """An integration whose account is in the realm."""

    def __init__(
        self, state: Path, server: Apache, realm: Kdc, authority: Authority
    ) -> None:
        self._state = state
        self.server = server
        self._authority = authority
        self.connector = Connector(
            id=7,
            uuid="3d8f1a3c-0000-4000-8000-000000000007",
            name="office",
            addin_server_domain="addin.example.test",
            authentication_method="KERBEROS",
            username="svc",
            kerberos_realm=REALM,
            kerberos_kdc=realm.address,
        )
        self.now = now

    def account(
        self,
        kind: str = "kerberos",
        *,
        password: str = "right",
        connections: int = 2,
        **changed: Any,
    ) -> dict[str, Any]:
        url = self.server.url(kind)
        connector = msgspec.structs.replace(self.connector, url=url, **changed)
        kerberos = Kerberos(
            self._state,
            lambda: [connector],
            ca_file=None,
            in_thread=deferToThread,
            now=self.now,
        )
        return {
            "url": url,
            "username": connector.username,
            "authenticator": SigningIn(kerberos=kerberos).authenticator(
                connector, password
            ),
            "method": "KERBEROS",
            "network": Network(reactor, Trust([("test", self._authority.pem)])),
            "limits": Limits(connections=connections),
        }


@pytest.fixture
def office(
    tmp_path: Path,
    kerberized: Apache,
    realm: Kdc,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    # Set by what is tested, and not to be seen by other tests.
    monkeypatch.setenv("KRB5_CONFIG", "/nowhere")
    return Office(tmp_path, kerberized, realm, authority)


@pytest.mark.parametrize("kind", ["kerberos", "kerberos-bound", "kerberos-tls"])
@pytest.mark.parametrize("username", ["svc", "EXAMPLE\\svc", "svc@example.test"])
@pytest_twisted.ensureDeferred
async def test_password(
    kerberized: Apache, behind: Start, office: Office, kind: str, username: str
) -> None:
    """An account signs in with its password, however its name is written."""
    await work(behind(kerberized), **office.account(kind, username=username))


@pytest.mark.parametrize("kind", ["kerberos", "kerberos-tls"])
@pytest_twisted.ensureDeferred
async def test_keytab(
    kerberized: Apache,
    behind: Start,
    office: Office,
    realm: Kdc,
    tmp_path: Path,
    kind: str,
) -> None:
    """A keytab takes the place of the password."""
    keytab = tmp_path / "keytabs" / "7.keytab"
    keytab.parent.mkdir()
    realm.export("svc", keytab)
    await work(behind(kerberized), **office.account(kind, password=""))


@pytest.mark.parametrize(
    ("kind", "every", "sent"),
    [
        ("kerberos", False, [1, 2, 2, 1]),  # Apache forgets, and that is noticed
        ("kerberos-bound", False, [1, 1, 1, 1]),
        ("kerberos-bound", True, [1, 1, 1, 1]),
        ("kerberos-tls", True, [2, 1, 1, 1]),  # the certificate is not known at first
    ],
)
@pytest_twisted.ensureDeferred
async def test_requests(
    kerberized: Apache,
    behind: Start,
    office: Office,
    kind: str,
    every: bool,
    sent: list[int],
) -> None:
    """A ticket goes along with a request; no handshake comes before."""
    account = office.account(kind, connections=1, kerberos_auth_every_request=every)
    account["authenticator"] = counting = Counting(account["authenticator"])
    mailbox = behind(kerberized).mailbox(**account)
    for _ in sent:
        await mailbox.check()
    assert counting.sent == sent


@pytest_twisted.ensureDeferred
async def test_many_connections(
    kerberized: Apache, behind: Start, office: Office
) -> None:
    """Eight connections share one ticket."""
    account = office.account("kerberos-tls", connections=8)
    mailbox = behind(kerberized).mailbox(**account)
    checks = [Deferred.fromCoroutine(mailbox.check()) for _ in range(32)]
    assert len(await gatherResults(checks)) == 32


@pytest_twisted.ensureDeferred
async def test_renewal(kerberized: Apache, behind: Start, office: Office) -> None:
    """A ticket that is about to end is replaced; the connection never notices."""
    ahead = timedelta()

    def later() -> datetime:
        return now() + ahead

    office.now = later
    account = office.account("kerberos", kerberos_auth_every_request=True)
    mailbox = behind(kerberized).mailbox(**account)
    await mailbox.check()
    for days in (1, 2, 3):
        ahead = timedelta(days=days)
        await mailbox.check()


async def refusal(mailbox: Any) -> str:
    with pytest.raises(SignInRefused) as raised:
        await mailbox.check()
    message: str = raised.value.message
    assert message.startswith(("Kerberos: ", "The account"))
    return message


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"password": "wrong"}, ["refuses the password", "account svc", REALM]),
        ({"username": "nobody"}, ["knows no account nobody"]),
        ({"username": "nobody@example.test"}, ["knows no account nobody@"]),
        (
            {"kerberos_exchange_spn": "HTTP/exchange.example.test"},
            ["setspn -S HTTP/exchange.example.test "],
        ),
        ({"password": ""}, ["neither a password nor a keytab", "7.keytab"]),
    ],
)
@pytest_twisted.ensureDeferred
async def test_refused(
    kerberized: Apache,
    behind: Start,
    office: Office,
    settings: dict[str, Any],
    says: list[str],
) -> None:
    """What the realm refuses is said in words that lead to the setting."""
    message = await refusal(behind(kerberized).mailbox(**office.account(**settings)))
    for each in says:
        assert each in message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-allow_tix"], "locked or disabled"),
        (["-pwexpire", "2020-01-01"], "has expired"),
        (["-expire", "2020-01-01"], "cannot sign in"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_accounts_that_may_not(
    kerberized: Apache,
    behind: Start,
    office: Office,
    realm: Kdc,
    options: list[str],
    says: str,
) -> None:
    """Locked and expired accounts are told from wrong passwords."""
    name = f"svc{options[0]}"
    realm.add(name, "right")
    realm.change(name, *options)
    account = office.account(username=name)
    assert says in await refusal(behind(kerberized).mailbox(**account))


@pytest_twisted.ensureDeferred
async def test_old_keytab(
    kerberized: Apache, behind: Start, office: Office, realm: Kdc, tmp_path: Path
) -> None:
    """A keytab from before a new password, and one of somebody else, are told so."""
    keytab = tmp_path / "keytabs" / "7.keytab"
    keytab.parent.mkdir()
    realm.add("old", "before")
    realm.export("old", keytab)
    exchange = behind(kerberized)
    await exchange.mailbox(**office.account(username="old")).check()
    realm.set_password("old", "after")
    mailbox = exchange.mailbox(**office.account(username="old"))
    assert "was made. Make a new one" in await refusal(mailbox)
    mailbox = exchange.mailbox(**office.account(username="svc"))
    assert "has no key for the account svc" in await refusal(mailbox)


@pytest_twisted.ensureDeferred
async def test_new_key_of_the_server(
    kerberized: Apache, behind: Start, office: Office, realm: Kdc
) -> None:
    """A ticket for a key that the server does not have is refused as Exchange's
    fault, after one new ticket."""
    realm.add("HTTP/other", "not what Apache has")
    account = office.account(kerberos_exchange_spn="HTTP/other")
    with pytest.raises(SignInRefused) as raised:
        await behind(kerberized).mailbox(**account).check()
    assert "does not accept it" in raised.value.message


@pytest_twisted.ensureDeferred
async def test_no_kdc(kerberized: Apache, behind: Start, office: Office) -> None:
    """A KDC that is not there is no refusal: it may come back."""
    nowhere = f"127.0.0.1:{free_ports()}"
    mailbox = behind(kerberized).mailbox(**office.account(kerberos_kdc=nowhere))
    with pytest.raises(MailboxUnreachable, match=rf"reached at {nowhere}"):
        await mailbox.check()


@pytest_twisted.ensureDeferred
async def test_one_attempt(
    kerberized: Apache, behind: Start, office: Office, realm: Kdc
) -> None:
    """A wrong password is tried once, however many connections ask for it."""
    realm.add("guarded", "right")
    account = office.account(username="guarded", password="wrong", connections=8)
    mailbox = behind(kerberized).mailbox(**account)
    checks = [Deferred.fromCoroutine(mailbox.check()) for _ in range(8)]
    for check in checks:
        with pytest.raises(SignInRefused, match="refuses the password"):
            await check
    assert realm.attempts("guarded") == 1


@pytest.mark.parametrize("kind", ["kerberos", "kerberos-tls"])
@pytest_twisted.ensureDeferred
async def test_clocks(
    ten_minutes_ahead: Apache, behind: Start, office: Office, kind: str
) -> None:
    """A wrong clock is said to be wrong, and by how much."""
    office.server = ten_minutes_ahead
    mailbox = behind(ten_minutes_ahead).mailbox(**office.account(kind))
    message = await refusal(mailbox)
    assert "clock of this machine is " in message
    assert "behind that of the Exchange server" in message
