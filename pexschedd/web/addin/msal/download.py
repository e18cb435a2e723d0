"""Fetches the library from the npm registry, verifies and unpacks it.

The registry is npm's: that of `NPM_CONFIG_REGISTRY` or of `.npmrc`, else the public
one. What it answers is bounded, and verified before it is unpacked, so it need not be
trusted. Without internet access, `npm pack` or a browser gets the archive elsewhere,
and `--file` installs it.
"""

import argparse
import io
import os
import sys
import tarfile
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256, sha512
from http.client import HTTPException
from pathlib import Path
from time import monotonic
from typing import TextIO

from pexschedd.model.fields import addresses
from pexschedd.web.addin.msal.library import (
    FILE,
    FOLDER,
    INTEGRITY,
    PACKAGE,
    SHA256,
    VERSION,
    MsalLibrary,
)

REGISTRY = "https://registry.npmjs.org/"

MAX_ARCHIVE = 16 * 1024 * 1024
MAX_FILE = 2 * 1024 * 1024
"""Bytes; the archive has 2.6 million, the file a third of one."""

PATIENCE = 30.0
LONGEST = 300.0
"""Seconds without any data, and for the whole download."""

_MEMBERS = {
    "package/lib/msal-browser.min.js": FILE,
    "package/LICENSE": f"{FILE}.LICENSE",
}


class NotInstalled(Exception):
    """The library was not installed; the message says why."""


def main(
    arguments: Sequence[str], folder: Path = FOLDER, out: TextIO = sys.stdout
) -> int:
    """Install the library; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pexschedd.web.addin.msal",
        description=f"Installs {PACKAGE} {VERSION} for nested app authentication.",
    )
    parser.add_argument(
        "--file", type=Path, help="the archive, instead of that of the npm registry"
    )
    parser.add_argument(
        "--again", action="store_true", help="also if it is installed already"
    )
    asked = parser.parse_args(arguments)
    if MsalLibrary(folder).is_installed() and not asked.again:
        out.write(f"{PACKAGE} {VERSION} is installed.\n")
        return 0
    try:
        archive = (
            _read(asked.file)
            if asked.file is not None
            else fetch(archive_url(registry_of(os.environ, Path.home())))
        )
        install(archive, folder)
    except NotInstalled as error:
        out.write(f"{PACKAGE} {VERSION} was not installed: {error}\n")
        return 1
    out.write(f"{PACKAGE} {VERSION} is installed in {folder}.\n")
    return 0


def registry_of(environ: Mapping[str, str], home: Path) -> str:
    """Return the URL of the npm registry, as npm would find it for this package."""
    given = environ.get("NPM_CONFIG_REGISTRY") or environ.get("npm_config_registry")
    if given:
        return given
    user = environ.get("NPM_CONFIG_USERCONFIG") or environ.get("npm_config_userconfig")
    path = Path(user) if user else home / ".npmrc"
    found = {}
    try:
        for line in path.read_text(errors="replace").splitlines():
            name, _, value = line.partition("=")
            found[name.strip()] = value.strip()
    except OSError:
        pass
    scope = PACKAGE.partition("/")[0]
    return found.get(f"{scope}:registry") or found.get("registry") or REGISTRY


def archive_url(registry: str) -> str:
    """Return the URL of the archive in a registry; raises `NotInstalled`."""
    if not registry or addresses.http_url(registry):
        raise NotInstalled(f"{registry} is not the https URL of an npm registry.")
    name = PACKAGE.rpartition("/")[2]
    return f"{registry.rstrip('/')}/{PACKAGE}/-/{name}-{VERSION}.tgz"


def fetch(url: str) -> bytes:
    """Return what is at a URL, bounded in size and time; raises `NotInstalled`."""
    until = monotonic() + LONGEST
    found = bytearray()
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - checked
            while block := answer.read1(65536):
                found += block
                if len(found) > MAX_ARCHIVE:
                    raise NotInstalled(f"{url} is larger than {MAX_ARCHIVE} bytes.")
                if monotonic() > until:
                    raise NotInstalled(f"{url} takes longer than {LONGEST:.0f} s.")
    except urllib.error.HTTPError as error:
        error.close()
        raise NotInstalled(f"{url} answers with HTTP status {error.code}.") from None
    except (OSError, ValueError, HTTPException) as error:
        raise NotInstalled(f"{url} cannot be fetched: {error}.") from None
    return bytes(found)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_ARCHIVE + 1)
    except OSError as error:
        raise NotInstalled(f"{path} cannot be read: {error.strerror}.") from None


def install(archive: bytes, folder: Path) -> None:
    """Verify an archive, and put the library and its licence into a folder.

    Raises `NotInstalled`; then nothing has changed.
    """
    digest = b64encode(sha512(archive).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise NotInstalled(
            f"what was fetched is not {PACKAGE} {VERSION}: its digest is "
            f"sha512-{digest}, not {INTEGRITY}."
        )
    contents = unpacked(archive)
    if sha256(contents[FILE]).hexdigest() != SHA256:
        raise NotInstalled("the file in the archive has another digest.")
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        for name, content in sorted(contents.items()):
            partial = folder / f".{name}.tmp"
            partial.write_bytes(content)
            partial.chmod(0o644)  # the daemon's user has to read it
            partial.replace(folder / name)
    except OSError as error:
        raise NotInstalled(f"{folder} cannot be written: {error.strerror}.") from None


def unpacked(archive: bytes) -> dict[str, bytes]:
    """Return the files of a verified archive that are of use, by the name they get."""
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as content:
            for member in content:
                name = _MEMBERS.get(member.name)
                if name is None or not member.isreg() or member.size > MAX_FILE:
                    continue
                file = content.extractfile(member)
                if file is not None:
                    found[name] = file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise NotInstalled(f"the archive cannot be read: {error}.") from None
    if found.keys() != set(_MEMBERS.values()):
        raise NotInstalled("the archive lacks the library or its licence.")
    return found
