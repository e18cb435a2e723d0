"""The wording of errors in the management API."""

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.web.server import Request

from pexschedd.errors import InvalidFields, NotAuthenticated, PexscheddError
from pexschedd.web.refusals import admin_shape
from pexschedd.web.routes import ResponseBody, json_response


class InvalidRecord(InvalidFields):
    """Wrong fields, or wrong arguments, of a resource that the answer names."""

    def __init__(self, resource: str, error: InvalidFields) -> None:
        self.resource = resource
        super().__init__(error.problems)


@contextmanager
def invalid_fields_of(resource: str) -> Iterator[None]:
    """Turn the `InvalidFields` of the block into an `InvalidRecord` of `resource`."""
    try:
        yield
    except InvalidFields as error:
        raise InvalidRecord(resource, error) from None


def admin_error(
    request: Request, status: int, error: PexscheddError, correlation_id: str
) -> ResponseBody:
    """Answer `{"<resource>": {"<field>": ["<problem>"]}}` for wrong fields, as clients
    of the platform decode it, and `admin_shape` for all else."""
    if isinstance(error, NotAuthenticated):
        # A browser asks for a password in a box of its own after a Basic challenge. A
        # page that has a form for that says so, as scripts in pages usually do.
        basic = b'Basic realm="pexschedd", charset="UTF-8"'
        asks_itself = request.requestHeaders.hasHeader(b"x-requested-with")
        challenges = [] if asks_itself else [basic]
        request.responseHeaders.setRawHeaders(
            b"www-authenticate", [*challenges, b'Bearer realm="pexschedd"']
        )
    if isinstance(error, InvalidRecord):
        return json_response(request, {error.resource: error.problems}, status)
    body = admin_shape(error.code, error.message, correlation_id)
    if isinstance(error, InvalidFields):
        body["fields"] = error.problems
    return json_response(request, body, status)
