"""Cuts a stream of bytes into the SOAP envelopes that it consists of. Pure.

Envelopes follow one another without end; between them there may be white space, XML
declarations, or text that belongs nowhere. Nothing is taken to be in one piece: a
piece may end within a tag or hold several envelopes.
"""

import re
from collections.abc import Iterator

MAX_ENVELOPE = 64 * 1024
"""Bytes. An envelope of notifications has a few thousand, and is parsed at once."""

_BEGIN = re.compile(rb"<(?:[\w.-]{1,64}:)?Envelope[\s/>]")
_END = re.compile(rb"</(?:[\w.-]{1,64}:)?Envelope\s{0,64}>")
_LONGEST_TAG = 160
"""More than either expression can match."""


class EnvelopeTooLarge(Exception):
    """The stream holds no envelopes, or one that is too large."""


class EnvelopeSplitter:
    """Remembers what has come of the next envelope."""

    def __init__(self, limit: int = MAX_ENVELOPE) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._begun = False
        self._searched = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The envelopes that are complete now. Raises `EnvelopeTooLarge`.

        How the stream is cut into pieces makes no difference to what comes of it.
        """
        self._buffer += piece
        while True:
            if not self._begun and not self._begin():
                return
            end = _END.search(self._buffer, self._searched)
            length = end.end() if end is not None else len(self._buffer)
            if length > self._limit:
                raise EnvelopeTooLarge
            if end is None:
                self._searched = max(0, length - _LONGEST_TAG)
                return
            envelope = bytes(self._buffer[:length])
            del self._buffer[:length]
            self._begun = False
            self._searched = 0
            yield envelope

    def _begin(self) -> bool:
        """Drop what stands before the next envelope."""
        begin = _BEGIN.search(self._buffer)
        if begin is None:
            del self._buffer[:-_LONGEST_TAG]
            return False
        del self._buffer[: begin.start()]
        self._begun = True
        return True
