"""The files of a page, as they are served.

Scripts and styles are below an address that changes with any of them, so they may be
cached for ever, modules can name each other, and a new release is used at once.
"""

import gzip
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files

import msgspec
from msgspec.structs import replace
from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.web.addin.static import encoded
from pexschedd.web.routes import ResponseBody, file_response

_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_HERE = b"{{static}}"
"""Stands in the page for the address of the other files."""


class PageFile(msgspec.Struct, frozen=True):
    """A script, a style or a picture."""

    content_type: str
    content: bytes
    compressed: bytes
    """The content, gzipped."""


class PageFiles(msgspec.Struct, frozen=True):
    """All files of the page."""

    version: str
    """A hash of all of them."""
    address: str
    """The path below which the others are."""
    page: bytes
    """The HTML, which names the others."""
    others: Mapping[str, PageFile]
    """By their names."""

    def place_in(self, page: bytes) -> bytes:
        """Return another page of the folder, with the address of the others in it."""
        return page.replace(_HERE, self.address.encode())


def load_page(
    package: str, static: str, made: Mapping[str, bytes] | None = None
) -> PageFiles:
    """Read the files of a package's folder `static`, once, at the start; `static` is
    the address below which they are served. `made` are others, by their names."""
    others: dict[str, PageFile] = {}
    contents = _contents(package)
    for name, content in sorted({**contents, **(made or {})}.items()):
        if content_type := _TYPES.get(name.rpartition(".")[2]):
            others[name] = PageFile(content_type, content, _compressed(content))
    together = sha256()
    for name, file in others.items():
        together.update(name.encode() + file.content)
    version = together.hexdigest()[:12]
    found = PageFiles(version, f"{static}{version}", b"", others)
    return replace(found, page=found.place_in(contents["index.html"]))


@lru_cache(maxsize=8)  # as below
def _contents(package: str) -> Mapping[str, bytes]:
    folder = files(package).joinpath("static")
    return {e.name: e.read_bytes() for e in folder.iterdir() if e.is_file()}


@lru_cache(maxsize=128)  # pages share files, and daemons of one process their pages
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def static_file_response(
    request: Request, page: PageFiles, version: str, name: str
) -> ResponseBody:
    """Return a file of a page, which may be kept for ever; raises `NotFound` for one
    that there is not, or not in this version."""
    file = page.others.get(name)
    if file is None or version != page.version:
        raise NotFound("There is no such file.")
    caching = b"public, max-age=31536000, immutable"
    request.responseHeaders.setRawHeaders(b"cache-control", [caching])
    content = encoded(request, file.content, lambda: file.compressed)
    return file_response(request, content, file.content_type)
