"""The library as it is installed: which version, where, and how it is served."""

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from twisted.logger import Logger

from pexschedd.web.addin.static import StaticFile, static_file

PACKAGE = "@azure/msal-browser"
VERSION = "5.30.0"
INTEGRITY = (
    "sha512-o/ADxWxEFcVrE65a7ssOGuxnivq8lcy+2hSGlOOwtn0gGd6iiwl3q8/BMVRorYE81UB/r4B+8W"
    "GEUxWnqP7ryA=="
)
"""The digest of npm's archive, in the notation of npm's lock files."""

SHA256 = "1115b080498b79b0b4b621dd3df478b0a9b1035f5d076d5741d1888f06923b84"
"""The digest of the one file of the archive that is served."""

FILE = f"msal-browser-{VERSION}.min.js"
NAME = "msal-browser.js"
"""The name of the file on disk, and in its address."""

FOLDER = Path(str(files("pexschedd.web"))) / "library"


class MsalLibrary:
    """The installed library.

    It may be installed while the daemon runs: until it is there, each call looks.
    """

    _log = Logger()

    def __init__(self, folder: Path = FOLDER) -> None:
        self._path = folder / FILE
        self._found: StaticFile | None = None

    def file(self) -> StaticFile | None:
        """Return the file to serve; None if it is missing, or is not the pinned one."""
        if self._found is None:
            try:
                content = self._path.read_bytes()
            except OSError:
                return None
            if sha256(content).hexdigest() != SHA256:
                self._log.warn(
                    "msal library refused, not the pinned content path={path}",
                    path=str(self._path),
                )
                return None
            self._found = static_file(NAME, content)
        return self._found

    def is_installed(self) -> bool:
        """Return whether it can be served."""
        return self.file() is not None
