"""Answers over HTTP that are packed, too large, torn, or none at all."""

import gzip

import pytest
import pytest_twisted

from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.net.errors import FailureKind
from tests.ews.ews_support import Behaviour, RawServer, Starter
from tests.ews.transport_support import post, torn_body, transport_to, trouble_with


@pytest_twisted.ensureDeferred
async def test_unzips(serve: Starter) -> None:
    """A zipped answer arrives as it was before zipping."""
    site = serve(lambda connection, _: connection.answer(b"<ok/>" * 9999, zipped=True))
    transport = transport_to(site)
    assert (await post(transport)).body == b"<ok/>" * 9999
    await transport.close()


@pytest.mark.parametrize("status", ["302 Found", "401 Unauthorized", "500 Oops"])
@pytest_twisted.ensureDeferred
async def test_any_status_is_an_answer(serve: Starter, status: str) -> None:
    """Redirections are not followed, and no status is an exception down here."""
    site = serve(
        lambda connection, _: connection.answer(
            b"", status, ["Location: http://127.0.0.1:9/", "WWW-Authenticate: Basic"]
        )
    )
    transport = transport_to(site)
    response = await post(transport)
    assert response.status == int(status[:3])
    assert response.headers["location"] == "http://127.0.0.1:9/"
    assert len(site.requests) == 1
    await transport.close()


def header_flood(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(40_000):
        connection.write(b"X-%d: %s\r\n" % (number, b"y" * 50))


def endless_continue(connection: RawServer, _: int) -> None:
    for _number in range(40_000):
        connection.write(
            b"HTTP/1.1 103 Early Hints\r\nLink: <%s>\r\n\r\n" % (b"y" * 50)
        )


@pytest.mark.parametrize("behaviour", [header_flood, endless_continue])
@pytest_twisted.ensureDeferred
async def test_headers_end_somewhere(serve: Starter, behaviour: Behaviour) -> None:
    """More headers than any server has cost the connection, not the memory."""
    trouble = await trouble_with(behaviour, serve)
    assert trouble.kind is FailureKind.GARBLED
    assert "headers" in trouble.detail


def huge_with_length(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nx")


def huge_chunked(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.write((b"400\r\n" + b"x" * 1024 + b"\r\n") * 50)


def zip_bomb(connection: RawServer, _: int) -> None:
    connection.answer(b"\0" * 10_000_000, zipped=True)


@pytest.mark.parametrize("behaviour", [huge_with_length, huge_chunked, zip_bomb])
@pytest_twisted.ensureDeferred
async def test_too_large(serve: Starter, behaviour: Behaviour) -> None:
    """An answer beyond the limit, packed or unpacked, costs the connection."""
    trouble = await trouble_with(
        behaviour, serve, limits=ConnectionLimits(max_answer=20_000)
    )
    assert trouble.kind is FailureKind.TOO_LARGE
    assert trouble.detail == "20000"


@pytest_twisted.ensureDeferred
async def test_an_answer_of_the_largest_size_is_taken(serve: Starter) -> None:
    """The limit itself is allowed, zipped or not."""
    site = serve(lambda connection, n: connection.answer(b"x" * 20_000, zipped=n == 2))
    transport = transport_to(site, limits=ConnectionLimits(max_answer=20_000))
    assert len((await post(transport)).body) == 20_000
    assert len((await post(transport)).body) == 20_000
    await transport.close()


def torn_chunks(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<torn")
    connection.close()


def torn_zip(connection: RawServer, _: int) -> None:
    body = gzip.compress(b"<ok/>")[:-4]
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}"
    connection.write(head.encode() + b"\r\nConnection: close\r\n\r\n" + body)
    connection.close()


def torn_header(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.close()


@pytest.mark.parametrize("behaviour", [torn_body, torn_chunks, torn_zip, torn_header])
@pytest_twisted.ensureDeferred
async def test_a_torn_answer_is_none(serve: Starter, behaviour: Behaviour) -> None:
    """Half an answer is never taken for a whole one."""
    trouble = await trouble_with(behaviour, serve)
    assert trouble.kind is FailureKind.LOST


def garbage(connection: RawServer, _: int) -> None:
    connection.write(b"220 mail.example.test ESMTP\r\n\r\n")


def bad_gzip(connection: RawServer, _: int) -> None:
    connection.answer(b"no zip", headers=["Content-Encoding: gzip"])


def strange_encoding(connection: RawServer, _: int) -> None:
    connection.answer(b"??", headers=["Content-Encoding: br"])


def bad_length(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n")


@pytest.mark.parametrize("behaviour", [garbage, bad_gzip, strange_encoding, bad_length])
@pytest_twisted.ensureDeferred
async def test_garbage(serve: Starter, behaviour: Behaviour) -> None:
    """What is no HTTP is said to be none."""
    trouble = await trouble_with(behaviour, serve)
    assert trouble.kind is FailureKind.GARBLED
