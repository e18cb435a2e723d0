"""The records of the status list `exchange_scheduler_addin`."""

from collections.abc import Callable, Iterator

from pexschedd.doctor.case import AddinState
from pexschedd.management.computed.installed import AddinStatus
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.manifest_history import changed_since
from pexschedd.store.store import Store


def addin_statuses(
    store: Store, state_of: Callable[[Connector], AddinState]
) -> Iterator[AddinStatus]:
    """Yield the status of each integration's add-in."""
    for connector in store.all(tables.CONNECTOR):
        yield _status(connector, state_of(connector))


def _status(connector: Connector, state: AddinState) -> AddinStatus:
    current, used = connector.manifest_revision, state.manifests
    changed = used and changed_since(connector.manifest_history, used.newest, current)
    return AddinStatus(
        id=connector.id,
        exchange_connector_id=connector.id,
        manifest_revision=current,
        newest_revision_in_use=used.newest if used else None,
        oldest_revision_in_use=used.oldest if used else None,
        newest_revision_time=used.newest_time if used else None,
        manifest_is_current=changed.nothing if changed else None,
        changed_fields=list(changed.fields) if changed else [],
        changed_fields_complete=changed.complete if changed else True,
        frame_ancestors=list(state.frames),
        refused_frames=list(state.refused_frames),
        warnings=list(state.notes),
    )
