"""Repeated requests: what a server has not done is asked for once more."""

import pytest
import pytest_twisted

from pexschedd.net.errors import ConnectionFailure, FailureKind
from tests.ews.ews_support import RawServer, Starter
from tests.ews.transport_support import post, torn_body, transport_to


@pytest_twisted.ensureDeferred
async def test_a_session_that_is_over_begins_anew(serve: Starter) -> None:
    """HTTP 440 means that nothing was done: again, once, on a new connection."""

    def forgetful(connection: RawServer, number: int) -> None:
        if number == 1:
            connection.answer(b"", "440 Login Timeout")
        else:
            connection.answer(b"<ok/>")

    site = serve(forgetful)
    transport = transport_to(site)
    assert (await post(transport, repeatable=False)).body == b"<ok/>"
    assert len(site.connections) == 2
    await transport.close()
    site = serve(lambda connection, _: connection.answer(b"", "440 Login Timeout"))
    transport = transport_to(site)
    assert (await post(transport)).status == 440
    assert len(site.requests) == 2
    await transport.close()


def first_dies(connection: RawServer, number: int) -> None:
    if number == 1:
        connection.close()
    else:
        connection.answer(b"<ok/>")


@pytest_twisted.ensureDeferred
async def test_a_read_is_repeated_once(serve: Starter) -> None:
    """A reading request survives one connection that dies without an answer."""
    site = serve(first_dies)
    transport = transport_to(site)
    assert (await post(transport)).body == b"<ok/>"
    assert len(site.requests) == 2
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_a_write_is_not_repeated(serve: Starter) -> None:
    """A writing request is not sent again: the server may have done it."""
    site = serve(first_dies)
    transport = transport_to(site)
    with pytest.raises(ConnectionFailure) as caught:
        await post(transport, repeatable=False)
    assert caught.value.kind is FailureKind.LOST
    assert len(site.requests) == 1
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_a_read_is_not_repeated_for_ever(serve: Starter) -> None:
    """Two connections that die are enough."""
    site = serve(lambda connection, _: connection.reset())
    transport = transport_to(site)
    with pytest.raises(ConnectionFailure) as caught:
        await post(transport)
    assert caught.value.kind is FailureKind.LOST
    assert len(site.requests) == 2
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_a_torn_answer_is_not_asked_for_again(serve: Starter) -> None:
    """Only silence is repeated: an answer that began may have cost the server much."""
    site = serve(torn_body)
    transport = transport_to(site)
    with pytest.raises(ConnectionFailure):
        await post(transport)
    assert len(site.requests) == 1
    await transport.close()
