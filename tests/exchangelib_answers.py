"""exchangelib, in the time that it need not take.

It reads what a server answers byte by byte, which takes as long as everything else it
does. That is right for an answer that goes on while events come, and for no other. And
before each request it looks for a proxy in the environment, where tests have none.
"""

from typing import Any

from exchangelib.protocol import BaseProtocol
from requests import Response, Session
from requests.adapters import HTTPAdapter

PIECE = 65536
"""Bytes that are given to exchangelib at a time."""


class _WholeResponse(Response):
    def iter_content(self, chunk_size: Any = PIECE, decode_unicode: Any = False) -> Any:
        return super().iter_content(chunk_size, decode_unicode)


class AnswersInPieces(HTTPAdapter):
    """Gives whole answers in large pieces, by a way that exchangelib offers: the class
    of its HTTP adapter."""

    def send(self, request: Any, stream: bool = False, *more: Any, **named: Any) -> Any:
        response = super().send(request, stream, *more, **named)
        if not stream:
            response.__class__ = _WholeResponse
        return response


_new_session = BaseProtocol.raw_session


def _direct_session(*arguments: Any, **named: Any) -> Session:
    session: Session = _new_session(*arguments, **named)
    session.trust_env = False
    return session


def make_quick() -> None:
    """Have each account of this process do so."""
    BaseProtocol.HTTP_ADAPTER_CLS = AnswersInPieces
    BaseProtocol.raw_session = staticmethod(_direct_session)
