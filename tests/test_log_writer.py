"""The log's writer: a reader that stops reading stops nobody else."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest

from pexschedd.log_writer import LogWriter


def notice(access: int, others: int) -> str:
    return f"dropped {access} {others}\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        with suppress(OSError):
            os.close(end)


def read_all(reader: int, until: bytes) -> bytes:
    heard = b""
    while until not in heard:
        heard += os.read(reader, 1 << 20)
    return heard


def test_lines_come_in_order(pipe: tuple[int, int]) -> None:
    """Nothing is lost or mixed up while the reader reads."""
    reader, end = pipe
    writer = LogWriter(partial(os.write, end), notice)
    for number in range(1000):
        (writer.write if number % 2 else writer.access)(f"{number}\n")
    assert read_all(reader, b"999\n").split() == [b"%d" % n for n in range(1000)]
    assert writer.drain()


def test_a_reader_that_stops(pipe: tuple[int, int]) -> None:
    """Writing goes on at once; access lines go first; it is said what is missing."""
    reader, end = pipe
    writer = LogWriter(partial(os.write, end), notice, most_bytes=200_000)
    line = "x" * 999 + "\n"
    for _ in range(300):
        writer.access(line)
    for _ in range(300):
        writer.write(line)
    assert not writer.drain(0)
    heard = read_all(reader, b"dropped")
    writer.write("end\n")
    heard += read_all(reader, b"end\n")
    kept = heard.count(b"x" * 999)
    notices = [line.split() for line in heard.splitlines() if b"dropped" in line]
    access = sum(int(words[1]) for words in notices)
    others = sum(int(words[2]) for words in notices)
    assert access + others + kept == 600
    # About half the queue, and what the pipe and the thread hold, were access lines.
    assert 50 <= access <= 201
    assert 60 <= others < 300


def test_a_reader_that_is_gone(pipe: tuple[int, int]) -> None:
    """A broken pipe ends the log, not the process."""
    reader, end = pipe
    os.close(reader)
    writer = LogWriter(partial(os.write, end), notice)
    writer.write("a\n")
    assert writer.drain()
    for _ in range(10):
        writer.write("b\n")
    assert writer.drain(0)
