"""Autodiscover: its messages, the search for a server, and what hostile ones get."""

import gc
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock, deferLater
from twisted.names.client import Resolver
from twisted.names.common import ResolverBase
from twisted.names.dns import SRV, DNSDatagramProtocol, Record_SRV, RRHeader
from twisted.names.error import DNSNameError
from twisted.names.server import DNSServerFactory

from pexschedd.errors import (
    ImpersonationRefused,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    SignInRefused,
)
from pexschedd.ews.autodiscover.discovered_rooms import (
    DOUBTED_AFTER,
    FAILED_FOR,
    DiscoveredRooms,
)
from pexschedd.ews.autodiscover.discovery import (
    MOST_STEPS,
    Autodiscover,
    usual_addresses,
)
from pexschedd.ews.autodiscover.messages import (
    Discovery,
    FoundUrl,
    NoUrl,
    OtherAddress,
    OtherUrl,
    build_request,
    parse_answer,
)
from pexschedd.ews.autodiscover.service_records import (
    LookUp,
    NamedServer,
    named_servers,
)
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.onetouch.ports.room_mailboxes import CalendarListing
from tests.ews.ews_rooms_support import DAY, ELM, OAK, OTJ, START, RoomExchange
from tests.ews.ews_support import RawServer, RawSite, soap
from tests.net.net_support import Authority, dns

reactor: Any = _reactor
URL = "https://mail.example.test/EWS/Exchange.asmx"
INSIDE = "https://inside.example.test/EWS/Exchange.asmx"
_OUTLOOK = (
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)
AUTHORITY = Authority("The organization's")
TLS = AUTHORITY.server(dns("localhost"))


def pox(content: str) -> bytes:
    return (
        '<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/'
        'exchange/autodiscover/responseschema/2006"><Response xmlns="'
        f'{_OUTLOOK}">{content}</Response></Autodiscover>'
    ).encode()


def account(content: str) -> bytes:
    return pox(f"<Account><AccountType>email</AccountType>{content}</Account>")


def protocol(kind: str, url: str) -> str:
    return f"<Protocol><Type>{kind}</Type><EwsUrl>{url}</EwsUrl></Protocol>"


def settings(content: str, code: str = "NoError", target: str = "") -> bytes:
    return soap(
        '<GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/'
        '2010/Autodiscover"><Response><ErrorCode>NoError</ErrorCode><UserResponses>'
        f"<UserResponse><ErrorCode>{code}</ErrorCode><ErrorMessage>Oh.</ErrorMessage>"
        f"<RedirectTarget>{target}</RedirectTarget><UserSettings>{content}"
        "</UserSettings></UserResponse></UserResponses></Response>"
        "</GetUserSettingsResponseMessage>"
    )


def setting(name: str, url: str) -> str:
    return f"<UserSetting><Name>{name}</Name><Value>{url}</Value></UserSetting>"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (account(protocol("EXPR", URL) + protocol("EXCH", INSIDE)), FoundUrl(INSIDE)),
        (account(protocol("EXPR", URL)), FoundUrl(URL)),
        (account(protocol("EXCH", URL) + protocol("EXCH", "x")), FoundUrl(URL)),
        (
            account(
                '<Protocol Type="mapiHttp"/><Protocol><Type>WEB</Type><Internal>'
                f"{protocol('EXCH', URL)}</Internal></Protocol>"
            ),
            FoundUrl(URL),
        ),
        (
            account("<RedirectAddr>oak@other.test</RedirectAddr>"),
            OtherAddress("oak@other.test"),
        ),
        (account(f"<RedirectUrl>{URL}</RedirectUrl>"), OtherUrl(URL)),
        (
            pox("<Error><ErrorCode>500</ErrorCode><Message>No such.</Message></Error>"),
            NoUrl("No such."),
        ),
        (account(""), NoUrl("its answer has no EWS URL")),
        (account(protocol("EXCH", "https://" + "x" * 3000)), None),
        (b"<html><body>Welcome</body></html>", None),
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]><Autodiscover/>", None),
        (b"", None),
    ],
)
def test_answers_in_plain_xml(answer: bytes, found: Discovery | None) -> None:
    """The URL inside the organization is preferred; redirections and refusals are told
    apart; anything else is no answer."""
    read = parse_answer(answer, soap=False)
    if found is None:
        assert isinstance(read, NoUrl)
        assert read.reason
    else:
        assert read == found


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (settings(setting("ExternalEwsUrl", URL)), FoundUrl(URL)),
        (
            settings(
                setting("ExternalEwsUrl", URL) + setting("InternalEwsUrl", INSIDE)
            ),
            FoundUrl(INSIDE),
        ),
        (
            settings("", "RedirectAddress", "oak@other.test"),
            OtherAddress("oak@other.test"),
        ),
        (settings("", "RedirectUrl", URL), OtherUrl(URL)),
        (settings("", "InvalidUser"), NoUrl("InvalidUser Oh.")),
        (settings(""), NoUrl("its answer has no EWS URL")),
    ],
)
def test_answers_in_soap(answer: bytes, found: Discovery) -> None:
    """The same in the other form."""
    assert parse_answer(answer, soap=True) == found


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_an_answer(data: bytes, as_soap: bool) -> None:
    """Whatever comes, there is a result and no exception."""
    assert isinstance(parse_answer(data, soap=as_soap), NoUrl)


@given(st.text(st.characters(codec=None, exclude_categories=[]), max_size=40))
def test_requests_hold_any_address(email: str) -> None:
    """Both requests are XML, and have the address."""
    for url in usual_addresses("example.test")[:2]:
        root = etree.fromstring(build_request(url, "a" + email))
        assert any((e.text or "").startswith("a") for e in root.iter())


# The search


def answering(*answers: Any) -> Callable[[RawServer, int], None]:
    """A server that gives these answers to those who have signed in, one after the
    other, and a challenge to all others. A tuple is a status, headers and a body."""
    left = list(answers)

    def behave(connection: RawServer, _: int) -> None:
        head = connection._site.requests[-1][0].lower()
        if b"authorization:" not in head:
            challenge = ['WWW-Authenticate: Basic realm="Exchange"']
            connection.answer(b"", "401 Unauthorized", challenge)
            return
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, tuple):
            status, headers, body = answer
            connection.answer(body, status, headers)
        else:
            connection.answer(answer)

    return behave


async def nothing(name: str) -> Any:
    """No name server knows any SRV record."""
    raise DNSNameError(name)


def searcher(
    *addresses: str, trusted: bool = True, look_up: LookUp = nothing
) -> Autodiscover:
    trust = Trust([("ca_file", AUTHORITY.pem)]) if trusted else Trust()
    network = Network(reactor, trust)

    def account_at(url: str) -> EwsAccount:
        return EwsAccount(
            url=url, username=OTJ, password="otj", network=network, clock=Clock()
        )

    return Autodiscover(account_at, addresses, look_up)


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


# SRV records, by a name server on this machine


class Zone(ResolverBase):
    """The SRV records of one name."""

    def __init__(self, name: str, *records: tuple[str, int, int]) -> None:
        super().__init__()
        self._name = name.encode()
        self._records = records

    def _lookup(self, name: bytes, cls: int, kind: int, timeout: Any) -> Any:
        if name != self._name or kind != SRV:
            return fail(DNSNameError(name))
        found = [
            RRHeader(name, SRV, payload=Record_SRV(priority, 0, port, host))
            for host, port, priority in self._records
        ]
        return succeed((found, [], []))


@pytest_twisted.async_yield_fixture()
async def name_server() -> AsyncIterator[Callable[..., LookUp]]:
    """Gives what asks a name server on this machine, which has the records of
    `localhost`: host, port, priority."""
    ports = []

    def serving(*records: tuple[str, int, int]) -> LookUp:
        zone = Zone("_autodiscover._tcp.localhost", *records)
        factory = DNSServerFactory(clients=[zone])
        port = reactor.listenUDP(0, DNSDatagramProtocol(factory), interface="127.0.0.1")
        ports.append(port)
        here = [("127.0.0.1", port.getHost().port)]
        resolver = Resolver(servers=here, reactor=reactor)
        return lambda name: resolver.lookupService(name, timeout=(2,))

    yield serving
    for port in ports:
        await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_server_that_dns_names(serve: Any, name_server: Any) -> None:
    """The preferred one of the records leads to the server, on a port of its own."""
    site = serve(answering(account(protocol("EXCH", URL))), TLS)
    unused = serve(answering(account(protocol("EXCH", INSIDE))), TLS)
    look_up = name_server(("localhost", unused.port, 20), ("localhost", site.port, 10))
    assert await searcher(look_up=look_up).find("oak@localhost") == URL
    assert unused.requests == []


@pytest_twisted.ensureDeferred
async def test_dns_names_a_server_of_another_domain(
    serve: Any, name_server: Any
) -> None:
    """It is not asked, and the error has its address."""
    site = serve(answering(account(protocol("EXCH", URL))), TLS)
    look_up = name_server(("127.0.0.1", site.port, 1), ("mail.elsewhere.test", 443, 2))
    told = "enter https://mail.elsewhere.test/autodiscover/autodiscover.xml"
    with pytest.raises(MailboxError, match=re.escape(told)):
        await searcher(look_up=look_up).find("oak@localhost")
    assert site.requests == []


@pytest_twisted.ensureDeferred
async def test_a_name_server_that_is_silent() -> None:
    """The search goes on without it."""
    silent = reactor.listenUDP(0, DatagramProtocol(), interface="127.0.0.1")
    here = [("127.0.0.1", silent.getHost().port)]
    resolver = Resolver(servers=here, reactor=reactor)
    found = await named_servers(
        "localhost", lambda name: resolver.lookupService(name, timeout=(0.05,))
    )
    assert found == []
    await silent.stopListening()


@pytest.mark.parametrize("host", ["127.0.0.1/.localhost", "a@b.localhost", ""])
@pytest_twisted.ensureDeferred
async def test_names_that_are_none(name_server: Any, host: str) -> None:
    """A name that would make another address of ours is no host, and neither asked nor
    told."""
    assert await named_servers("localhost", name_server((host, 443, 1))) == []


@pytest.mark.parametrize(
    ("host", "is_of"),
    [
        ("example.test", True),
        ("mail.example.test", True),
        ("mailexample.test", False),
        ("example.test.evil.test", False),
        ("test", False),
    ],
)
def test_whose_a_server_is(host: str, is_of: bool) -> None:
    """A name that only looks like one of the domain is another's."""
    assert NamedServer(host, 443).is_of("example.test") is is_of


# The sandbox, and what is remembered


@pytest_twisted.async_yield_fixture()
async def exchange() -> AsyncIterator[RoomExchange]:
    exchange = RoomExchange()
    yield exchange
    await exchange.close()


@pytest.mark.parametrize("kind", ["xml", "svc"])
@pytest_twisted.ensureDeferred
async def test_the_sandbox_is_found(exchange: RoomExchange, kind: str) -> None:
    """By both forms; rooms are then read where it says."""
    url = f"{exchange.base}/autodiscover/autodiscover.{kind}"
    assert await searcher(url).find(OAK) == exchange.url
    with pytest.raises(MailboxRefused, match="nobody@nowhere"):
        await searcher(url).find("nobody@nowhere.invalid")


class Searches:
    """Finds what it is told to."""

    def __init__(self, *results: str | Exception) -> None:
        self.results = list(results)
        self.asked: list[str] = []

    async def find(self, email: str) -> str:
        self.asked.append(email)
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result


class Rooms:
    """Rooms at one server, which works until it has an error."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.is_closed = False

    async def listing(self, room: str, since: Any, until: Any) -> CalendarListing:
        if self.error is not None:
            raise self.error
        return CalendarListing(())

    async def close(self) -> None:
        self.is_closed = True


@pytest_twisted.ensureDeferred
async def test_a_server_is_remembered() -> None:
    """One search serves all rooms of a domain, until the server stops answering as
    one; then it is searched again, though not for a room's own trouble, and the old
    connections are given up when it is another one."""
    clock, opened = Clock(), dict[str, Rooms]()
    searches = Searches("https://old.test/", "https://old.test/", "https://new.test/")

    def open_rooms(url: str) -> Any:
        opened[url] = Rooms()
        return opened[url]

    rooms = DiscoveredRooms(searches.find, open_rooms, clock)

    async def listed(room: str = OAK) -> None:
        await rooms.listing(room, START, START + DAY)

    for room in (OAK, ELM):
        await listed(room)
    assert searches.asked == [OAK]
    old = opened["https://old.test/"]
    clock.advance(DOUBTED_AFTER)
    old.error = ImpersonationRefused("Not in the scope.")
    for _ in range(2):
        with pytest.raises(ImpersonationRefused):
            await listed()
    assert searches.asked == [OAK]
    old.error = MailboxUnreachable("Nothing answers.")
    for expected in (1, 2, 2):  # what was found a moment ago is not doubted
        with pytest.raises(MailboxUnreachable):
            await listed()
        assert len(searches.asked) == expected
    clock.advance(DOUBTED_AFTER)
    with pytest.raises(MailboxUnreachable):
        await listed()
    await listed()
    assert set(opened) == {"https://old.test/", "https://new.test/"}
    assert old.is_closed
    await rooms.close()
    assert opened["https://new.test/"].is_closed


@pytest_twisted.ensureDeferred
async def test_a_vain_search_is_not_repeated_at_once(exchange: RoomExchange) -> None:
    """All rooms get its error until it is tried again."""
    clock = Clock()
    searches = Searches(MailboxRefused("Nothing found."), exchange.url)
    rooms = DiscoveredRooms(searches.find, lambda _: exchange.rooms(), clock)
    for _ in range(5):
        with pytest.raises(MailboxRefused, match="Nothing found"):
            await rooms.listing(OAK, START, START + DAY)
    assert len(searches.asked) == 1
    clock.advance(FAILED_FOR)
    await rooms.listing(OAK, START, START + DAY)
    assert len(searches.asked) == 2
    await rooms.close()
