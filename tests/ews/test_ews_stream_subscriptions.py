"""Subscriptions of streams: kept over connections, forgotten, replaced."""

import pytest
import pytest_twisted

from pexschedd.errors import MailboxBusy, MailboxUnreachable
from tests.ews.ews_stream_support import (
    CLOSED,
    OK,
    Ear,
    Opened,
    Peer,
    envelope,
    mail,
    problem,
)
from tests.ews.ews_support import Starter, fault


@pytest_twisted.ensureDeferred
async def test_goes_to_the_same_server_every_time(serve: Starter) -> None:
    """Anchor, affinity and cookies are on every request, and nothing is packed."""

    def script(opened: Opened, _: int) -> None:
        opened.begin(envelope(OK), envelope(CLOSED))
        opened.end()

    peer = Peer(serve, script)
    ear = Ear(peer.site)
    assert await ear.listen() is None
    await ear.stream.close()
    for headers in peer.headers:
        assert headers["x-anchormailbox"] == "room@example.test"
        assert headers["x-preferserveraffinity"] == "true"
        assert "accept-encoding" not in headers
    assert "cookie" not in peer.headers[0]
    for headers in peer.headers[1:]:
        assert headers["cookie"] == "exchangecookie=abc; x-backendoverridecookie=be1~42"


@pytest_twisted.ensureDeferred
async def test_keeps_its_subscription_over_connections(serve: Starter) -> None:
    """A lost connection is taken up again without another subscription."""

    peer = Peer(serve, lambda opened, _: opened.begin(envelope(OK)))
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(1, 0)
    peer.streams[0].connection.reset()
    assert isinstance(await ear.over, MailboxUnreachable)
    ear.listen()
    await ear.told(2, 0)
    assert peer.asked == ["Subscribe", "GetStreamingEvents", "GetStreamingEvents"]
    await ear.stream.close()
    await ear.over


@pytest.mark.parametrize(
    "code",
    [
        "ErrorSubscriptionNotFound",
        "ErrorInvalidSubscription",
        "ErrorExpiredSubscription",
        "ErrorInvalidWatermark",
    ],
)
@pytest.mark.parametrize("whole", [True, False], ids=["fault", "in the stream"])
@pytest_twisted.ensureDeferred
async def test_a_forgotten_subscription_is_made_anew(
    serve: Starter, code: str, whole: bool
) -> None:
    """At once and once: a server that forgets it again is given time."""

    def script(opened: Opened, number: int) -> None:
        if number == 1:
            opened.begin(envelope(OK), envelope(CLOSED))
            opened.end()
        elif whole:
            opened.connection.answer(fault(code), "500 Internal Server Error")
        else:
            opened.begin(problem(code))

    peer = Peer(serve, script)
    ear = Ear(peer.site)
    assert await ear.listen() is None
    error = await ear.listen()
    assert isinstance(error, MailboxBusy)
    assert code in error.message
    assert peer.asked == [
        "Subscribe",
        "GetStreamingEvents",
        "GetStreamingEvents",
        "Subscribe",
        "GetStreamingEvents",
    ]
    await ear.stream.close()
    assert peer.asked[5:] == [], "there is no subscription any more"


@pytest_twisted.ensureDeferred
async def test_replaced_by_another_connection(serve: Starter) -> None:
    """Somebody else listens to our subscription: it is given up, with a pause."""
    peer = Peer(
        serve,
        lambda opened, _: opened.begin(
            envelope(OK), problem("ErrorNewEventStreamConnectionOpened")
        ),
    )
    ear = Ear(peer.site)
    assert isinstance(await ear.listen(), MailboxBusy)
    ear.listen()
    await ear.told(2, 0)
    assert peer.asked.count("Subscribe") == 2
    assert isinstance(await ear.over, MailboxBusy)
    await ear.stream.close()


@pytest_twisted.ensureDeferred
async def test_missed_notifications_keep_the_subscription(serve: Starter) -> None:
    """The server could not keep up: that is a reason to look, and nothing else."""
    peer = Peer(
        serve,
        lambda opened, _: opened.begin(
            envelope(OK), problem("ErrorMissedNotificationEvents"), envelope(mail())
        ),
    )
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(3, 2)
    assert peer.asked == ["Subscribe", "GetStreamingEvents"]
    await ear.stream.close()
    assert peer.asked[2:] == ["Unsubscribe"]
    await ear.over
