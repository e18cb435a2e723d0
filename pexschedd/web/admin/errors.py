"""How the management API words its errors."""

from twisted.web.server import Request

from pexschedd.errors import InvalidFields, NotAuthenticated, PexscheddError
from pexschedd.web.api import Payload, json_response


class InvalidRecord(InvalidFields):
    """Wrong fields, or wrong arguments, of a resource."""

    def __init__(self, resource: str, error: InvalidFields) -> None:
        self.resource = resource
        super().__init__(error.problems)


class Forbidden(PexscheddError):
    """The caller may not do this."""

    code = "forbidden"


def admin_error(
    request: Request, status: int, error: PexscheddError, incident: str
) -> Payload:
    """`{"<resource>": {"<field>": ["<what is wrong>"]}}`, or `{"error": "…"}`."""
    if isinstance(error, NotAuthenticated):
        request.responseHeaders.setRawHeaders(
            b"www-authenticate", [b'Basic realm="pexschedd", charset="UTF-8"']
        )
    if isinstance(error, InvalidRecord):
        return json_response(request, {error.resource: error.problems}, status)
    body: dict[str, object] = {
        "error": error.message,
        "code": error.code,
        "correlation_id": incident,
    }
    if isinstance(error, InvalidFields):
        body["fields"] = error.problems
    return json_response(request, body, status)
