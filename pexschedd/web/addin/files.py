"""The files that belong to an integration's add-in: its manifest and its icon."""

from hashlib import sha256
from pathlib import Path

from msgspec.structs import replace

from pexschedd.errors import NotFound, StoreError
from pexschedd.management.admin_log import note_change
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.store.store import Store
from pexschedd.util.atomic_file import replace_file
from pexschedd.web.addin.icons import SIZES, accepted, default_icon, scaled
from pexschedd.web.addin.manifest import build_manifest


class ConnectorFiles:
    """Keeps uploaded icons in `<state directory>/icons`, and the scaled ones in memory.

    The address of an icon changes with its image, and the manifest has the addresses:
    another icon needs another manifest. See `change_icon`.
    """

    def __init__(self, state_directory: Path) -> None:
        self._directory = state_directory / "icons"
        self._uploaded: dict[int, bytes | None] = {}
        self._made: dict[tuple[bytes | None, int], bytes] = {}

    def manifest(self, connector: Connector) -> bytes:
        """Return the manifest (XML); raises `InvalidFields` for texts that it cannot
        hold."""
        return build_manifest(connector, self.icon_revision(connector))

    async def set_icon(self, connector: Connector, body: bytes) -> None:
        """Take an 80 x 80 PNG; it is durable afterwards. Raises `InvalidFields`."""
        image = accepted(body)
        path = self._path(connector)
        try:
            replace_file(path, image)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from None
        self._uploaded[connector.id] = image
        self._made.clear()

    def icon(self, connector: Connector, size: int) -> bytes:
        """Return the icon as PNG; raises `NotFound` for a size that Outlook does not
        ask for."""
        if size not in SIZES:
            raise NotFound(f"There is no icon of {size} pixels.")
        uploaded = self._uploaded_icon(connector)
        made = self._made.get((uploaded, size))
        if made is None:
            made = default_icon(size) if uploaded is None else scaled(uploaded, size)
            self._made[uploaded, size] = made
        return made

    def icon_revision(self, connector: Connector) -> str:
        """Return the part of the icon's address that changes with the image."""
        return sha256(self.icon(connector, 80)).hexdigest()[:12]

    def _uploaded_icon(self, connector: Connector) -> bytes | None:
        """The uploaded image, or None. Read once: this class is the only writer."""
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


async def change_icon(
    store: Store, files: ConnectorFiles, connector: Connector, image: bytes
) -> None:
    """Take an uploaded icon, durably, and raise the revision of the manifest.

    The icon's address is in the manifest, and changes with the icon. Raises
    `InvalidFields` for an image that cannot be used, and `StoreFull`, before anything
    is written.
    """
    store.require_space()
    await files.set_icon(connector, image)
    current = store.get(tables.CONNECTOR, connector.id)
    if current is None:
        return
    changed = replace(current, manifest_revision=current.manifest_revision + 1)
    transaction = store.transaction()
    transaction.put(tables.CONNECTOR, changed)
    await transaction.commit()
    note_change(tables.CONNECTOR.name, changed, ("icon", "manifest_revision"))
