"""The files that belong to an integration's add-in: its manifest and its icon."""

from hashlib import sha256
from pathlib import Path

from pexschedd.clock import Now
from pexschedd.errors import NotFound, StoreError
from pexschedd.history.recorder import record_changes, settle
from pexschedd.management.admin_log import note_change
from pexschedd.model import tables
from pexschedd.model.configuration_change import FieldChange
from pexschedd.model.integration.connector import Connector, with_manifest_change
from pexschedd.model.integration.manifest_history import difference
from pexschedd.store.store import Store
from pexschedd.util.atomic_file import remove_file, replace_file
from pexschedd.web.addin.icons import SIZES, accepted, default_icon, scaled
from pexschedd.web.addin.manifest.builder import build_manifest


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

    def set_icon(self, connector: Connector, image: bytes | None) -> None:
        """Keep an icon that `icons.accepted` made, durably; None is the default one.

        Raises `StoreError`.
        """
        path = self._path(connector)
        try:
            if image is None:
                remove_file(path)
            else:
                replace_file(path, image)
        except OSError as error:
            raise StoreError(f"{path} cannot be changed: {error.strerror}") from None
        self._uploaded[connector.id] = image
        self._made.clear()

    def uploaded_icon(self, connector: Connector) -> bytes | None:
        """Return the uploaded image (PNG), or None. Read once: only this class
        writes."""
        if connector.id not in self._uploaded:
            path = self._path(connector)
            try:
                self._uploaded[connector.id] = path.read_bytes()
            except FileNotFoundError:
                self._uploaded[connector.id] = None
            except OSError as error:
                raise StoreError(f"{path} cannot be read: {error.strerror}") from None
        return self._uploaded[connector.id]

    def icon(self, connector: Connector, size: int) -> bytes:
        """Return the icon as PNG; raises `NotFound` for a size that Outlook does not
        ask for."""
        if size not in SIZES:
            raise NotFound(f"There is no icon of {size} pixels.")
        uploaded = self.uploaded_icon(connector)
        made = self._made.get((uploaded, size))
        if made is None:
            made = default_icon(size) if uploaded is None else scaled(uploaded, size)
            self._made[uploaded, size] = made
        return made

    def icon_revision(self, connector: Connector) -> str:
        """Return the part of the icon's address that changes with the image."""
        return sha256(self.icon(connector, 80)).hexdigest()[:12]

    def _path(self, connector: Connector) -> Path:
        return self._directory / f"{connector.id}.png"


def _digest(image: bytes | None) -> str | None:
    """The beginning of an uploaded icon's SHA-256; None for the default one."""
    return None if image is None else sha256(image).hexdigest()[:12]


async def change_icon(
    store: Store,
    files: ConnectorFiles,
    connector: Connector,
    body: bytes | None,
    now: Now,
) -> bool:
    """Take an uploaded icon, or go back to the default one for None, durably.

    Its address is in the manifest and changes with the image, so the manifest gets a
    new revision. That comes first: after a crash the revision is one too high, and the
    icon the old one. Returns False, and nothing happens, for the image that is there
    already. Raises `InvalidFields` for an image that cannot be used, and `StoreFull`,
    before anything is written.
    """
    store.require_space()
    image = None if body is None else accepted(body)
    current = store.get(tables.CONNECTOR, connector.id)
    before = files.uploaded_icon(connector)
    if current is None or image == before:
        return False
    # The default icon is one as well: None would stand for nothing.
    differences = {"icon": difference(_digest(before) or "", _digest(image) or "")}
    changed = with_manifest_change(current, ("icon",), differences)
    icon = FieldChange("icon", _digest(before), _digest(image))
    with store.transaction() as transaction:
        transaction.put(tables.CONNECTOR, changed)
        record_changes(store, transaction, now(), also=(icon,))
        durable = transaction.commit()
    await durable
    await settle(store, tables.CONNECTOR.document)
    files.set_icon(connector, image)
    note_change(tables.CONNECTOR.name, changed, ("icon", "manifest_revision"))
    return True
