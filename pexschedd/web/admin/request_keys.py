"""The header `Idempotency-Key`: a request that may be sent again after a timeout."""

import re

from twisted.web.server import Request

from pexschedd.logs import acting
from pexschedd.management.guards.keyed_requests import RequestKey
from pexschedd.web.routes import BadRequest

HEADER = b"idempotency-key"
LONGEST_KEY = 255
_KEY = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]{0,%d}[\x21-\x7e])?" % (LONGEST_KEY - 2))


def request_key_of(request: Request) -> RequestKey | None:
    """Return the key of a request, or None if it has none; raises `BadRequest`."""
    values = request.requestHeaders.getRawHeaders(HEADER) or []
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0].strip(b" \t")):
        raise BadRequest(
            f"The header Idempotency-Key must have one value of 1 to {LONGEST_KEY} "
            "printable ASCII characters, such as a random UUID."
        )
    return RequestKey(acting.get(), values[0].strip(b" \t").decode("ascii"))


def refuse_request_key(request: Request) -> None:
    """Raise `BadRequest` for a key of a request that is not remembered by it: whoever
    sends one relies on it."""
    if request.requestHeaders.hasHeader(HEADER):
        raise BadRequest(
            "The header Idempotency-Key is heeded with POST on a list of records only. "
            "This request does its work again each time; send it without the header."
        )
