"""The search for a server by Autodiscover, and what hostile ones get."""

import gc
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from pexschedd.errors import MailboxRefused, MailboxUnreachable, SignInRefused
from pexschedd.ews.autodiscover.discovery import MOST_STEPS, usual_addresses
from tests.ews.autodiscover_support import (
    TLS,
    URL,
    account,
    answering,
    protocol,
    searcher,
    setting,
    settings,
)
from tests.ews.ews_rooms_support import OAK
from tests.ews.ews_support import RawServer, RawSite

reactor: Any = _reactor


def address(site: RawSite, kind: str = "xml") -> str:
    return f"https://localhost:{site.port}/autodiscover/autodiscover.{kind}"


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("xml", account(protocol("EXCH", URL))),
        ("svc", settings(setting("InternalEwsUrl", URL))),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_configured_address(serve: Any, kind: str, answer: bytes) -> None:
    """It is asked in its own form; the password goes only to who has asked for it."""
    site = serve(answering(answer), TLS)
    assert await searcher(address(site, kind)).find(OAK) == URL
    first, second = (head.lower() for head, _ in site.requests)
    assert b"authorization" not in first
    assert b"authorization: basic" in second
    assert all(OAK.encode() in body for _, body in site.requests)


@pytest_twisted.ensureDeferred
async def test_redirections(serve: Any) -> None:
    """To https they are followed, in HTTP as in the answer itself, and to another
    address of the mailbox."""
    last = serve(answering(account(protocol("EXCH", URL))), TLS)
    second = serve(
        answering(account(f"<RedirectUrl>{address(last)}</RedirectUrl>")), TLS
    )
    first = serve(answering(("302 Found", [f"Location: {address(second)}"], b"")), TLS)
    assert await searcher(address(first)).find(OAK) == URL
    renamed = serve(
        answering(
            account("<RedirectAddr>oak@other.test</RedirectAddr>"),
            account(protocol("EXCH", URL)),
        ),
        TLS,
    )
    assert await searcher(address(renamed)).find(OAK) == URL
    assert b"oak@other.test" in renamed.requests[-1][1]


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:{port}/autodiscover/autodiscover.xml",
        "http://localhost:{port}/x",
        "ftp://localhost:{port}/x",
        "https://user@localhost:{port}/x",
        "https://[localhost:{port}/x",
        "//[v1]/x",
        "",
    ],
)
@pytest_twisted.ensureDeferred
async def test_redirections_that_are_not_followed(serve: Any, to: str) -> None:
    """Nothing is sent anywhere without https, and the error says where it led."""
    elsewhere = serve(answering(account(protocol("EXCH", URL))))
    target = to.format(port=elsewhere.port)
    site = serve(answering(("302 Found", [f"Location: {target}"], b"")), TLS)
    with pytest.raises(MailboxRefused, match="Autodiscover finds no Exchange server"):
        await searcher(address(site)).find("oak@nowhere.invalid")
    assert elsewhere.requests == []


@pytest_twisted.ensureDeferred
async def test_an_answer_without_tls(serve: Any) -> None:
    """An EWS URL that is not https is not used."""
    site = serve(answering(account(protocol("EXCH", "http://mail.test/EWS"))), TLS)
    with pytest.raises(MailboxRefused, match="is not https"):
        await searcher(address(site)).find("oak@nowhere.invalid")


@pytest_twisted.ensureDeferred
async def test_a_circle_ends(serve: Any) -> None:
    """Servers that send us round and round are asked a few times."""
    site: RawSite = serve(
        lambda connection, n: connection.answer(
            b"", "302 Found", [f"Location: /autodiscover/{n}.xml"]
        ),
        TLS,
    )
    with pytest.raises(MailboxRefused):
        await searcher(address(site)).find("oak@nowhere.invalid")
    assert len(site.requests) <= MOST_STEPS


@pytest_twisted.ensureDeferred
async def test_an_untrusted_server_gets_no_password(serve: Any) -> None:
    """A certificate that we do not trust ends it."""
    site = serve(answering(account(protocol("EXCH", URL))), TLS)
    with pytest.raises((MailboxRefused, MailboxUnreachable), match="not trusted"):
        await searcher(address(site), trusted=False).find("oak@nowhere.invalid")
    assert site.requests == []


@pytest_twisted.ensureDeferred
async def test_a_huge_answer(serve: Any) -> None:
    """It is given up, and says so."""
    site = serve(answering(b"x" * 3_000_000), TLS)
    with pytest.raises((MailboxRefused, MailboxUnreachable), match="larger than"):
        await searcher(address(site)).find("oak@nowhere.invalid")


@pytest_twisted.ensureDeferred
async def test_a_refused_account(serve: Any) -> None:
    """The error names the server and the account."""

    def refuse(connection: RawServer, _: int) -> None:
        challenge = ['WWW-Authenticate: Basic realm="Exchange"']
        connection.answer(b"", "401 Unauthorized", challenge)

    site = serve(refuse, TLS)
    with pytest.raises(SignInRefused, match="refuses the account otj@"):
        await searcher(address(site)).find("oak@nowhere.invalid")


def test_where_a_domain_is_looked_for() -> None:
    """Hosts of its own first, its web site last; always https."""
    found = usual_addresses("example.test")
    assert found[0] == "https://autodiscover.example.test/autodiscover/autodiscover.xml"
    assert found[-1] == "https://example.test/autodiscover/autodiscover.svc"
    assert all(each.startswith("https://") for each in found)


@pytest_twisted.ensureDeferred
async def test_a_search_is_broken_off(serve: Any) -> None:
    """A search that is cancelled ends with that, whatever it is at."""
    site = serve(answering(account(protocol("EXCH", URL))), TLS)
    for turns in range(1000):
        searching = Deferred.fromCoroutine(searcher(address(site)).find(OAK))
        for _ in range(turns):
            await deferLater(reactor, 0)
        if searching.called:
            assert await searching == URL
            break
        searching.cancel()
        with pytest.raises(CancelledError):
            await searching
    assert turns > 5
    gc.collect()  # an error that nobody has taken is logged then
