"""Kerberos without a realm: names, the library's configuration, and what is said."""

import os
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.clock import system_now
from pexschedd.errors import MailboxError, MailboxUnreachable, SignInRefused
from pexschedd.ews.auth import HttpResponse, kerberos_tickets
from pexschedd.ews.auth.kerberos import KerberosAccount, KerberosAuthenticator
from pexschedd.ews.auth.kerberos_config import KerberosRealm, krb5_conf, proxy_url
from pexschedd.ews.auth.kerberos_faults import (
    Circumstances,
    KerberosError,
    service_error,
    sign_in_error,
    ticket_error,
)
from pexschedd.ews.auth.kerberos_folder import KerberosFolder
from pexschedd.ews.auth.kerberos_names import (
    KerberosClient,
    KerberosService,
    clients,
    realm_of,
    service_of,
)
from tests.ews.ews_auth_support import REQUEST, ScriptedConnection, answer

REALM = "EXAMPLE.TEST"


# Names


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("svc", [KerberosClient("svc", REALM)]),
        ("EXAMPLE\\svc", [KerberosClient("svc", REALM)]),
        (
            "svc@example.test",
            [
                KerberosClient("svc", REALM),
                KerberosClient("svc@example.test", REALM, enterprise=True),
            ],
        ),
        (
            "svc@mail.example",
            [KerberosClient("svc@mail.example", REALM, enterprise=True)],
        ),
        (" jürgen ", [KerberosClient("jürgen", REALM)]),
    ],
)
def test_clients(username: str, expected: list[KerberosClient]) -> None:
    """A user name in each of its forms, and what it may stand for."""
    assert clients(username, REALM) == expected


@pytest.mark.parametrize("username", ["", "EXAMPLE\\", "svc@", "@x", "a b", "a/b", "{"])
def test_no_client(username: str) -> None:
    """What is no account says how one looks."""
    with pytest.raises(ValueError, match=r"name@example\.com"):
        clients(username, REALM)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", KerberosService("HTTP", "mail.example.test")),
        (
            "HTTP/exchange.example.test",
            KerberosService("HTTP", "exchange.example.test"),
        ),
        ("http/x@OTHER.TEST", KerberosService("http", "x", "OTHER.TEST")),
    ],
)
def test_service(text: str, expected: KerberosService) -> None:
    """A service principal name, or the URL's host."""
    assert service_of(text, "mail.example.test") == expected


@pytest.mark.parametrize("text", ["HTTP", "/x", "HTTP/", "HTTP/a b", "HTTP/x@ {"])
def test_no_service(text: str) -> None:
    """What is no service principal name is an error that names the field."""
    with pytest.raises(ValueError, match="kerberos_"):
        service_of(text, "mail.example.test")


@pytest.mark.parametrize("text", ["", "EXAMPLE TEST", "{", "-x", "X\n y = z"])
def test_no_realm(text: str) -> None:
    """What is no realm is an error that names the field."""
    with pytest.raises(ValueError, match="kerberos_realm"):
        realm_of(text)


# The configuration


def test_configuration() -> None:
    """Realms of several integrations, each once, with the ways to their KDCs."""
    text = krb5_conf(
        [
            KerberosRealm(REALM, kdc="dc1.example.test"),
            KerberosRealm(REALM, kdc="dc2.example.test:88"),
            KerberosRealm(REALM, kdc="dc1.example.test"),
            KerberosRealm(
                "FAR.TEST",
                kdc="not.used",
                proxy="https://far.test/KdcProxy",
                anchors="/etc/ca.pem",
                service=KerberosService("HTTP", "Mail.far.test", "FAR.TEST"),
            ),
            KerberosRealm("BY.DNS"),
        ]
    )
    assert text.partition("[realms]")[2] == (
        "\n"
        "    BY.DNS = {\n"
        "    }\n"
        "    EXAMPLE.TEST = {\n"
        "        kdc = dc1.example.test\n"
        "        master_kdc = dc1.example.test\n"
        "        kdc = dc2.example.test:88\n"
        "        master_kdc = dc2.example.test:88\n"
        "    }\n"
        "    FAR.TEST = {\n"
        "        kdc = https://far.test/KdcProxy\n"
        "        master_kdc = https://far.test/KdcProxy\n"
        "        http_anchors = FILE:/etc/ca.pem\n"
        "    }\n"
        "\n"
        "[domain_realm]\n"
        "    mail.far.test = FAR.TEST\n"
    )


@given(kdc=st.text(max_size=30))
def test_nothing_else_gets_in(kdc: str) -> None:
    """A value stays a value: no line, section or brace comes of it."""
    plain = krb5_conf([KerberosRealm(REALM, kdc="x")])
    text = krb5_conf([KerberosRealm(REALM, kdc=f"x{kdc}")])
    assert text.count("\n") == plain.count("\n")
    values = [line for line in text.splitlines() if "kdc = x" in line]
    assert len(values) == 2
    assert not any(set(line.partition("= ")[2]) & set("{}= ") for line in values)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ""),
        ("https://kdc.example.test", "https://kdc.example.test/KdcProxy"),
        ("https://kdc.example.test:8443/", "https://kdc.example.test:8443/KdcProxy"),
        ("https://kdc.example.test/Other", "https://kdc.example.test/Other"),
    ],
)
def test_proxy(url: str, expected: str) -> None:
    """A KDC proxy without a path is at the usual one."""
    assert proxy_url(url) == expected


@pytest.mark.parametrize(("url", "tls"), [("http://x/", True), ("https://x/", False)])
def test_proxy_without_tls(url: str, tls: bool) -> None:
    """There are no KDC proxies without TLS."""
    with pytest.raises(ValueError, match="kerberos_enable_tls"):
        proxy_url(url, tls=tls)


def test_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is private, follows the integrations, and the library is told of it."""
    monkeypatch.setenv("KRB5_CONFIG", "/nowhere")
    realms = [own := KerberosRealm("A.TEST")]
    folder = KerberosFolder(tmp_path, lambda: realms, lambda: b"PEM")
    path = tmp_path / "kerberos" / "krb5.conf"
    folder.write(folder.contents(7, own))
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.authorities.read_bytes() == b"PEM"
    assert os.environ["KRB5_CONFIG"] == str(path)
    first = path.stat().st_ino
    folder.write(folder.contents(7, own))
    assert path.stat().st_ino == first
    realms.append(KerberosRealm("B.TEST"))
    folder.write(folder.contents(7, own))
    assert "B.TEST" in path.read_text()


def test_keytabs(tmp_path: Path) -> None:
    """Each integration has a keytab of its own, or none."""
    folder = KerberosFolder(tmp_path)
    (tmp_path / "keytabs").mkdir()
    (tmp_path / "keytabs" / "7.keytab").touch()
    assert folder.keytab(7) == tmp_path / "keytabs" / "7.keytab"
    assert folder.keytab(8) is None


# What is said

BASE = -1765328384
OF = Circumstances(
    username="svc",
    realm=REALM,
    service=KerberosService("HTTP", "mail.example.test"),
    kdc="dc1.example.test",
)
WITH_KEYTAB = Circumstances(
    username="svc",
    realm=REALM,
    service=OF.service,
    kdc="",
    keytab="/state/keytabs/7.keytab",
    ahead=-425.4,
)


@pytest.mark.parametrize(
    ("code", "of", "kind", "says"),
    [
        (6, OF, SignInRefused, "knows no account svc"),
        (7, OF, SignInRefused, "dc1.example.test does not serve the realm"),
        (68, WITH_KEYTAB, SignInRefused, "The KDC that DNS names does not serve"),
        (14, OF, SignInRefused, "-KerberosEncryptionType AES128,AES256"),
        (18, OF, SignInRefused, "locked or disabled"),
        (23, OF, SignInRefused, "has expired"),
        (24, OF, SignInRefused, "refuses the password"),
        (31, OF, SignInRefused, "refuses the password"),
        (24, WITH_KEYTAB, SignInRefused, "/state/keytabs/7.keytab was made"),
        (37, OF, SignInRefused, "the clocks of this machine and of the domain"),
        (37, WITH_KEYTAB, SignInRefused, "7 minutes and 5 seconds behind"),
        (60, OF, SignInRefused, "the library's words"),
        (156, OF, MailboxUnreachable, "reached at dc1.example.test"),
        (156, WITH_KEYTAB, MailboxUnreachable, "through DNS"),
        (154, OF, MailboxUnreachable, "TCP port 88"),
        (181, WITH_KEYTAB, SignInRefused, "has no key for the account svc"),
    ],
)
def test_signing_in(code: int, of: Any, kind: type[MailboxError], says: str) -> None:
    """Why there is no ticket for the account, by the code."""
    error = sign_in_error(KerberosError(BASE + code, "the library's\n words"), of)
    assert type(error) is kind
    assert error.message.startswith("Kerberos: ")
    assert says in error.message


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (7, SignInRefused, "setspn -S HTTP/mail.example.test <DOMAIN>"),
        (37, SignInRefused, "clock"),
        (156, MailboxUnreachable, "no KDC"),
        (12, SignInRefused, "words"),
    ],
)
def test_ticket(code: int, kind: type[MailboxError], says: str) -> None:
    """Why there is none for Exchange."""
    error = ticket_error(KerberosError(BASE + code, "words"), OF)
    assert type(error) is kind
    assert says in error.message


def test_service_says() -> None:
    """Of what Exchange says only the clock is worth more than that it refuses."""
    error = service_error(KerberosError(BASE + 37, "x"), WITH_KEYTAB)
    assert error is not None
    assert "7 minutes" in error.message
    assert service_error(KerberosError(BASE + 35, "x"), OF) is None


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error names what has it."""
    monkeypatch.setattr(kerberos_tickets, "krb5", None)
    assert not kerberos_tickets.installed()
    with pytest.raises(KerberosError, match=r"requirements/kerberos\.txt"):
        kerberos_tickets.sign_in(
            [KerberosClient("svc", REALM)], "right", None, Path("krb5.conf")
        )


# The authenticator, as far as it gets without a realm


def authenticator(state: Path) -> KerberosAuthenticator:
    async def in_place(work: Any) -> Any:
        return work()

    account = KerberosAccount(
        integration=7,
        username="svc",
        names=(KerberosClient("svc", REALM),),
        password="right",
        service=KerberosService("HTTP", "mail.example.test"),
        realm=KerberosRealm(REALM),
    )
    assert "right" not in repr(account)
    return KerberosAuthenticator(
        account, KerberosFolder(state), in_thread=in_place, now=system_now
    )


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CONFIG", "/nowhere")
    monkeypatch.setattr(kerberos_tickets, "krb5", object())


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "first",
    [answer(503), answer(302), answer(401), answer(401, www_authenticate="NTLM")],
)
@pytest_twisted.ensureDeferred
async def test_no_kerberos_there(tmp_path: Path, first: HttpResponse) -> None:
    """Before there is a ticket, an empty request shows whether it is of any use."""
    connection = ScriptedConnection([first])
    response = await authenticator(tmp_path).send(REQUEST, connection)
    assert response is first
    assert [request.body for request in connection.sent] == [b""]


@pytest.mark.usefixtures("installed")
@pytest_twisted.ensureDeferred
async def test_no_sign_in_is_needed(tmp_path: Path) -> None:
    """A server that lets everybody in gets the request without a ticket."""
    connection = ScriptedConnection([answer(200), answer(200, b"done")])
    response = await authenticator(tmp_path).send(REQUEST, connection)
    assert response.body == b"done"
    assert [request.body for request in connection.sent] == [b"", REQUEST.body]


@pytest.mark.usefixtures("installed")
@pytest_twisted.ensureDeferred
async def test_no_room_for_the_configuration(tmp_path: Path) -> None:
    """A folder that cannot be written is an error that names it."""
    (tmp_path / "kerberos").write_text("in the way")
    offers = answer(401, www_authenticate="Negotiate")
    with pytest.raises(SignInRefused, match="kerberos cannot be written"):
        await authenticator(tmp_path).send(REQUEST, ScriptedConnection([offers]))


@pytest_twisted.ensureDeferred
async def test_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra nothing is sent, and the error says what to install."""
    monkeypatch.setattr(kerberos_tickets, "krb5", None)
    with pytest.raises(SignInRefused, match=r"requirements/kerberos\.txt"):
        await authenticator(tmp_path).send(REQUEST, ScriptedConnection([]))
