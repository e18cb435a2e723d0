"""Streams that say nothing, are none, or do not end."""

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.ews.streaming.hearing import MARGIN, QUIET
from pexschedd.ews.transport.connection import ConnectionLimits
from tests.ews.ews_stream_support import MINUTES, OK, Ear, Opened, Peer, envelope, mail
from tests.ews.ews_support import Starter, back_off, fault
from tests.turns import some_turns


@pytest_twisted.ensureDeferred
async def test_a_busy_server_says_how_long(serve: Starter) -> None:
    """What the server asks for is handed on."""
    peer = Peer(
        serve,
        lambda opened, _: opened.connection.answer(
            fault("ErrorServerBusy", "busy", back_off(42_000)), "500 Error"
        ),
    )
    ear = Ear(peer.site)
    error = await ear.listen()
    assert isinstance(error, MailboxBusy)
    assert error.retry_after == 42
    await ear.stream.close()


@pytest_twisted.ensureDeferred
async def test_silence(serve: Starter) -> None:
    """Before any heartbeat a stream may be silent until a minute after its agreed end;
    afterwards for three minutes. Then it counts as lost."""
    peer = Peer(serve, lambda opened, _: opened.begin(envelope(OK)))
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(1, 0)
    ear.clock.advance(60 * MINUTES + MARGIN - 1)
    assert not ear.over.called
    ear.clock.advance(1.5)
    error = await ear.over
    assert isinstance(error, MailboxUnreachable)
    assert "nothing for 180 seconds" in error.message
    await ear.stream.close()
    ear = Ear(peer.site, minutes=30)
    ear.listen()
    await ear.told(1, 0)
    peer.streams[1].say(envelope(OK))
    await ear.told(2, 0)
    ear.clock.advance(QUIET - 1)
    peer.streams[1].say(envelope(OK))
    await ear.told(3, 0)
    ear.clock.advance(QUIET - 1)
    assert not ear.over.called
    ear.clock.advance(1.5)
    assert isinstance(await ear.over, MailboxUnreachable)
    await ear.stream.close()


@pytest_twisted.ensureDeferred
async def test_no_answer_at_all(serve: Starter) -> None:
    """A stream that does not even begin is given up after the usual deadline."""
    peer = Peer(serve, lambda opened, _: None)
    ear = Ear(peer.site, limits=ConnectionLimits(deadline=20))
    ear.listen()
    while not peer.streams:
        await Deferred.fromCoroutine(some_turns())
    ear.clock.advance(21)
    error = await ear.over
    assert isinstance(error, MailboxUnreachable)
    assert "20 seconds" in error.message
    # Nobody answers this Unsubscribe either: it is given its short time.
    await ear.stream.close()


def login_page(opened: Opened) -> None:
    opened.connection.answer(b"<!DOCTYPE html><html/>", content_type="text/html")


def endless(opened: Opened) -> None:
    opened.begin(b"<Envelope>", *([b"x" * 65536] * 20))


def zipped(opened: Opened) -> None:
    opened.connection.answer(envelope(OK), zipped=True)


def unauthorized(opened: Opened) -> None:
    opened.connection.answer(b"", "401 Unauthorized")


def half(opened: Opened) -> None:
    opened.begin(envelope(OK), envelope(mail())[:100])
    opened.connection.close()


def soap_fault_inside(opened: Opened) -> None:
    opened.begin(envelope(OK), fault("ErrorAccessDenied"))


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (login_page, MailboxUnreachable, "sign-in of its own"),
        (endless, MailboxUnreachable, "no series of envelopes"),
        (zipped, MailboxUnreachable, "packed"),
        (unauthorized, MailboxRefused, ""),
        (half, MailboxUnreachable, "closed the connection"),
        (soap_fault_inside, MailboxRefused, ""),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_no_stream(
    serve: Starter, script: Any, kind: type[MailboxError], words: str
) -> None:
    """Each is an error that an administrator can read; nothing is left behind."""
    peer = Peer(serve, lambda opened, _: script(opened))
    ear = Ear(peer.site)
    error = await ear.listen()
    assert isinstance(error, kind)
    assert words in error.message
    await ear.stream.close()
    assert not ear.clock.getDelayedCalls()
    await peer.site.all_lost()


@pytest_twisted.ensureDeferred
async def test_close_takes_seconds_at_most(serve: Starter) -> None:
    """A server that does not answer any more cannot keep us."""
    peer = Peer(serve, lambda opened, _: opened.begin(envelope(OK)))
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(1, 0)
    peer.site.behaviour = lambda connection, number: None
    closing = Deferred.fromCoroutine(ear.stream.close())
    assert await ear.over is not None
    while len(peer.site.requests) < 3:
        await some_turns()
    assert not closing.called
    ear.clock.advance(3)
    await closing
    await peer.site.all_lost()
