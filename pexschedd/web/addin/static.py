"""Scripts and styles of the pages, each under an address that changes with its content.

So they may be cached for ever, and a new release is used at once. The pane's scripts
are one file each for those who read them, and one file together for Outlook.
"""

import gzip
import re
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files

import msgspec
from twisted.web.server import Request

_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}

_COMMENTS = re.compile(rb"^ */\*.*?\*/\n", re.MULTILINE | re.DOTALL)
"""Comments on lines of their own, a fifth of our scripts."""

_SHARED = [
    "log",
    "words",
    "tags",
    "plain-text",
    "office",
    "inspect",
    "cut",
    "write",
    "server",
    "tokens",
    "sign-in",
    "look",
    "work",
    "library",
]
BUNDLES: Mapping[str, tuple[str, ...]] = {
    "pane-bundle.js": (
        "pane-states.js",
        *(f"pane-{name}.js" for name in _SHARED),
        *(f"pane-{name}.js" for name in ("styles", "view", "theme", "rooms", "cards")),
        "pane.js",
    ),
    "commands-bundle.js": (
        *(f"pane-{name}.js" for name in _SHARED),
        "pane-commands.js",
    ),
}
"""Scripts that are served as one, in loading order."""


class StaticFile(msgspec.Struct, frozen=True):
    """A file to serve as it is."""

    name: str
    version: str
    """A hash of the content."""
    content_type: str
    content: bytes
    compressed: bytes
    """The content, gzipped."""

    @property
    def path(self) -> str:
        """The address, relative to the prefix of the pages that use it."""
        return f"static/{self.version}/{self.name}"


@cache
def load_static() -> Mapping[str, StaticFile]:
    """Return all files in `web/static` and the bundles, by name; read once."""
    found = {}
    for entry in sorted(files("pexschedd.web").joinpath("static").iterdir(), key=str):
        if entry.name.rpartition(".")[2] in _TYPES:
            found[entry.name] = static_file(entry.name, entry.read_bytes())
    for name, parts in BUNDLES.items():
        content = b"\n".join(found[part].content for part in parts)
        found[name] = static_file(name, _COMMENTS.sub(b"", content))
    return found


@cache
def static_file(name: str, content: bytes) -> StaticFile:
    """Return a script or a style, by its name's ending, in its version; the files of
    an installation are few, and compressed once."""
    return StaticFile(
        name=name,
        version=sha256(content).hexdigest()[:12],
        content_type=_TYPES[name.rpartition(".")[2]],
        content=content,
        compressed=gzip.compress(content, mtime=0),
    )


def encoded(request: Request, content: bytes, compressed: Callable[[], bytes]) -> bytes:
    """Return `content`, gzipped if the client takes that, and set the headers."""
    set_header = request.responseHeaders.setRawHeaders
    set_header(b"vary", [b"accept-encoding"])
    accepted = request.getHeader(b"accept-encoding") or b""
    if not accepts_gzip(accepted.decode("latin-1")):
        return content
    set_header(b"content-encoding", [b"gzip"])
    return compressed()


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether a client takes gzip, by its `Accept-Encoding` header."""
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
