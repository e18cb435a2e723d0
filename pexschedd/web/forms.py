"""Records that are sent as a form with files: multipart/form-data (RFC 7578)."""

from twisted.web.server import Request
from werkzeug.http import parse_options_header

from pexschedd.management.resource import Upload
from pexschedd.web.routes import BadRequest, body_of

MOST_PARTS = 100
LONGEST_FIELD = 256 * 1024
"""Bytes of one part that is no file."""
_LONGEST_HEADERS = 8 * 1024
_LONGEST_BOUNDARY = 70  # RFC 2046, section 5.1.1


def is_form(request: Request) -> bool:
    """Return True if the request's body says that it is such a form."""
    return _content_type(request)[0] == "multipart/form-data"


def read_form(request: Request) -> dict[str, object]:
    """Return the form's values by their names: a text, or an `Upload`.

    Raises `BadRequest`, also for a name that stands twice: nobody knows which value was
    meant.
    """
    boundary = _content_type(request)[1].get("boundary", "")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise BadRequest(
            f"The Content-Type of a form needs a boundary of 1 to {_LONGEST_BOUNDARY} "
            "characters."
        )
    values: dict[str, object] = {}
    for name, value in map(_value, _parts(body_of(request), boundary.encode())):
        if name in values:
            raise BadRequest(f"The field {name[:100]!r} stands twice in the form.")
        values[name] = value
    return values


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts between the boundaries; nothing counts after the one that ends them."""
    delimiter = b"\r\n--" + boundary
    _, *parts = (b"\r\n" + body).split(delimiter, MOST_PARTS + 1)
    for number, part in enumerate(parts):
        if part.startswith(b"--"):
            return parts[:number]
    if len(parts) > MOST_PARTS:
        raise BadRequest(f"A form may have {MOST_PARTS} parts at most.")
    raise BadRequest("The end of the form is missing: its last boundary.")


def _value(part: bytes) -> tuple[str, object]:
    """The name and the value of a part, which begins with the rest of its boundary's
    line."""
    end = part.find(b"\r\n\r\n", 0, _LONGEST_HEADERS)
    if end < 0:
        raise BadRequest("A part of the form has no headers, or too many.")
    disposition = ""
    for line in part[:end].decode("utf-8", "replace").split("\r\n")[1:]:
        header, _, value = line.partition(":")
        if header.strip().lower() == "content-disposition":
            disposition = value.strip()
    options = parse_options_header(disposition)[1]
    name, content = options.get("name", ""), part[end + 4 :]
    if not name:
        raise BadRequest("A part of the form has no name.")
    if "filename" in options:
        return name, Upload(options["filename"], content)
    if len(content) > LONGEST_FIELD:
        raise BadRequest(
            f"The field {name[:100]!r} has more than {LONGEST_FIELD} bytes."
        )
    try:
        return name, content.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"The field {name[:100]!r} is not UTF-8.") from None


def _content_type(request: Request) -> tuple[str, dict[str, str]]:
    values = request.requestHeaders.getRawHeaders(b"content-type") or [b""]
    kind, options = parse_options_header(values[0].decode("latin-1"))
    return kind.lower(), options
