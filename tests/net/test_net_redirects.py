"""A redirection leads nowhere: what is secret stays with whom it is meant for."""

from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.task import Clock

from pexschedd.errors import MailboxUnreachable, Unavailable, Untrusted
from pexschedd.ews.mailbox import ews_mailbox
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.identity.exchange_metadata import ExchangeMetadata
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_support import RawServer, RawSite
from tests.net.net_support import Authority, dns

reactor: Any = _reactor
STATUSES = ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]


def answer(connection: RawServer, _: int) -> None:
    connection.answer(b"<ok/>")


@pytest.fixture
def elsewhere(serve: Any) -> RawSite:
    """A server that must not hear of anything."""
    site: RawSite = serve(answer)
    return site


def sent_away(to: str, status: str) -> Any:
    def redirect(connection: RawServer, _: int) -> None:
        connection.answer(b"gone", status, [f"Location: {to}"])

    return redirect


@pytest.mark.parametrize("status", STATUSES)
@pytest_twisted.ensureDeferred
async def test_exchange(serve: Any, elsewhere: RawSite, status: str) -> None:
    """The account's password is not taken along, and it is said to where."""
    site = serve(sent_away(elsewhere.url(), status))
    mailbox = ews_mailbox(
        EwsAccount(
            url=site.url(),
            username="svc",
            password="pw",
            network=Network(reactor, Trust()),
            clock=Clock(),
        ),
        "a@b.test",
    )
    with pytest.raises(MailboxUnreachable) as caught:
        await mailbox.arrivals("")
    await mailbox.close()
    assert elsewhere.url() in caught.value.message
    assert "Credentials are not sent to another address" in caught.value.message
    assert len(site.requests) == 1
    assert elsewhere.connections == []


@pytest.mark.parametrize("status", STATUSES)
@pytest_twisted.ensureDeferred
async def test_metadata(serve: Any, elsewhere: RawSite, status: str) -> None:
    """Signing keys come from the configured address or not at all."""
    site = serve(sent_away(elsewhere.url(), status))
    metadata = ExchangeMetadata(Network(reactor, Trust()).http_client(), reactor)
    with pytest.raises(Unavailable) as caught:
        await metadata.refresh(site.url())
    assert not isinstance(caught.value, Untrusted)
    assert (
        f"it answered with HTTP status {status[:3]}, to {elsewhere.url()}, and no "
        "redirection is followed"
    ) in caught.value.message
    assert elsewhere.connections == []
    await site.all_lost()


@pytest_twisted.ensureDeferred
async def test_keys_of_a_stranger(serve: Any) -> None:
    """A document is not read from a server that is not trusted; the error says why."""
    root, stranger = Authority("Root"), Authority("A stranger")
    site = serve(answer, stranger.server(dns("localhost")))
    trust = Trust([("ca_file", root.pem)])
    metadata = ExchangeMetadata(Network(reactor, trust).http_client(), reactor)
    with pytest.raises(Untrusted) as caught:
        await metadata.refresh(site.url("https", "localhost"))
    assert "its certificate is not trusted: the server's own" in caught.value.message
    assert 'issued by "CN=A stranger"' in caught.value.message
    assert site.requests == []
    with pytest.raises(Unavailable, match="is not trusted"):
        await metadata.keys(site.url("https", "localhost"), "x5t")
