"""The files that belong to an integration's add-in: its manifest and its icon."""

from hashlib import sha256
from pathlib import Path

from pexschedd.errors import NotFound, StoreError
from pexschedd.model.integration import Connector
from pexschedd.util.atomic_file import replace_file
from pexschedd.web.addin.icons import SIZES, accepted, default_icon, scaled
from pexschedd.web.addin.manifest import build_manifest


class ConnectorFiles:
    """Keeps uploaded icons in `<state directory>/icons`, and the scaled ones in memory.

    What an icon looks like to Outlook is part of its address, and the addresses are in
    the manifest: whoever sets an icon raises the connector's `manifest_revision`, too.
    """

    def __init__(self, state_directory: Path) -> None:
        self._directory = state_directory / "icons"
        self._uploaded: dict[int, bytes | None] = {}
        self._made: dict[tuple[bytes | None, int], bytes] = {}

    def manifest(self, connector: Connector) -> bytes:
        """The manifest (XML). Raises `InvalidFields` for texts that it cannot hold."""
        return build_manifest(connector, self.icon_revision(connector))

    async def set_icon(self, connector: Connector, body: bytes) -> None:
        """Takes an 80 x 80 PNG; it is durable afterwards. Raises `InvalidFields`."""
        image = accepted(body)
        path = self._path(connector)
        try:
            replace_file(path, image)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from None
        self._uploaded[connector.id] = image
        self._made.clear()

    def icon(self, connector: Connector, size: int) -> bytes:
        """The icon as PNG; `NotFound` for a size that Outlook does not ask for."""
        if size not in SIZES:
            raise NotFound(f"There is no icon of {size} pixels.")
        uploaded = self._uploaded_icon(connector)
        made = self._made.get((uploaded, size))
        if made is None:
            made = default_icon(size) if uploaded is None else scaled(uploaded, size)
            self._made[uploaded, size] = made
        return made

    def icon_revision(self, connector: Connector) -> str:
        """Changes with the image: goes into the icon's address."""
        return sha256(self.icon(connector, 80)).hexdigest()[:12]

    def _uploaded_icon(self, connector: Connector) -> bytes | None:
        """None if there is none. Read once: this class is the only writer."""
        if connector.id not in self._uploaded:
            path = self._path(connector)
            try:
                self._uploaded[connector.id] = path.read_bytes()
            except FileNotFoundError:
                self._uploaded[connector.id] = None
            except OSError as error:
                raise StoreError(f"{path} cannot be read: {error.strerror}") from None
        return self._uploaded[connector.id]

    def _path(self, connector: Connector) -> Path:
        return self._directory / f"{connector.id}.png"
