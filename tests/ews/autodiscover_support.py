"""Answers of Autodiscover, and a search whose servers are on loopback."""

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.task import Clock
from twisted.names.error import DNSNameError

from pexschedd.ews.autodiscover.discovery import Autodiscover
from pexschedd.ews.autodiscover.service_records import LookUp
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_rooms_support import OTJ
from tests.ews.ews_support import RawServer, soap
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
