"""Scripts and styles of the pages, each under an address that changes with its content.

So they may be cached for ever, and a new release is used at once.
"""

from hashlib import sha256
from importlib.resources import files

import msgspec

_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}


class StaticFile(msgspec.Struct, frozen=True):
    """A file to serve as it is."""

    name: str
    version: str
    """A hash of the content."""
    content_type: str
    content: bytes

    @property
    def path(self) -> str:
        """The address, relative to the prefix of the pages that use it."""
        return f"static/{self.version}/{self.name}"


def load_static() -> dict[str, StaticFile]:
    """Return all files in `web/static`, by name."""
    found = {}
    for entry in sorted(files("pexschedd.web").joinpath("static").iterdir(), key=str):
        name = entry.name
        content_type = _TYPES.get(name.rpartition(".")[2])
        if content_type:
            content = entry.read_bytes()
            version = sha256(content).hexdigest()[:12]
            found[name] = StaticFile(name, version, content_type, content)
    return found
