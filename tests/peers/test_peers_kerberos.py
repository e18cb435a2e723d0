"""Kerberos with MIT's KDC and Apache: a real realm, real tickets."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from pexschedd.errors import MailboxUnreachable, SignInRefused
from pexschedd.ews.auth import kerberos_tickets
from pexschedd.ews.auth.kerberos_config import KerberosRealm
from pexschedd.ews.auth.kerberos_folder import KerberosFolder
from pexschedd.ews.auth.kerberos_names import KerberosClient, KerberosService
from tests.ews.ews_auth_support import Counting
from tests.ews.ews_exchange import Exchange
from tests.peers.apache import Apache
from tests.peers.kdc import REALM, Kdc
from tests.peers.office import Office, now
from tests.peers.peers_work import work
from tests.ports import free_ports

gssapi: Any = pytest.importorskip(
    "gssapi", reason="not installed: pexschedd[kerberos]", exc_type=ImportError
)
Start = Callable[[Apache], Exchange]


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


@pytest.mark.parametrize(
    ("bound_to", "wanted", "accepted"),
    [
        (b"\x01certificate", b"\x01certificate", True),
        (b"\x01certificate", None, True),
        (b"\x01certificate", b"\x02another", False),
    ],
)
def test_channel_binding(
    office: Office,
    realm: Kdc,
    tmp_path: Path,
    bound_to: bytes,
    wanted: bytes | None,
    accepted: bool,
) -> None:
    """A proof is bound to a certificate; who knows of another one refuses it."""
    own = KerberosRealm(REALM, kdc=realm.address)
    folder = KerberosFolder(tmp_path, lambda: [own])
    folder.write(folder.contents(7, own))
    ticket = kerberos_tickets.sign_in(
        [KerberosClient("svc", REALM)], "right", None, folder.sign_in_config(7)
    )
    proof = kerberos_tickets.KerberosProof(
        ticket, KerberosService("HTTP", "localhost"), bound_to
    )
    keytab = tmp_path / "http.keytab"
    realm.export("HTTP/localhost", keytab)
    server = gssapi.SecurityContext(
        creds=gssapi.Credentials(usage="accept", store={"keytab": str(keytab)}),
        usage="accept",
        channel_bindings=gssapi.raw.ChannelBindings(application_data=wanted)
        if wanted is not None
        else None,
    )
    server.step(proof.step())
    if accepted:
        bound = gssapi.RequirementFlag.channel_bound in server.actual_flags
        assert bound == (wanted is not None)
    else:
        with pytest.raises(gssapi.exceptions.GSSError, match="channel bindings"):
            _ = server.complete
    ticket.discard()
