"""Exports of whole configurations."""

from collections.abc import Collection, Iterator

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import InvalidFields
from pexschedd.management.representation import represent_own
from pexschedd.management.resources import AnyResource
from pexschedd.management.transfer.configuration import (
    ACCOUNTS,
    TRANSFERRED,
    exported,
    is_configuration,
)
from pexschedd.management.transfer.document import (
    LARGEST,
    MOST_DOCUMENTED,
    RecordSecrets,
)
from pexschedd.management.transfer.secrets import secrets_of
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices


class ExportedRecords(msgspec.Struct):
    """The records of a configuration, and their secrets in plain text."""

    resources: dict[str, list[msgspec.Raw]] = {}
    secrets: dict[str, RecordSecrets] = {}


class ConfigurationExporter:
    """Reads configurations out of a store, in slices of the reactor's time."""

    def __init__(self, store: Store, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock

    async def run(
        self, wanted: Collection[str] = (), *, with_secrets: bool = False
    ) -> ExportedRecords:
        """Return the records of the `wanted` resources, all of them without any.

        Administrators come along only `with_secrets`. Raises `InvalidFields` for more
        than a document may have, and StoreError for a secret that cannot be opened.
        """
        found = ExportedRecords()
        size = count = 0
        for resource in _selected(wanted, with_secrets=with_secrets):
            records: list[msgspec.Raw] = []
            store = self._store
            async for record in in_slices(store.all(resource.table), self._clock):
                if not is_configuration(store, resource, record):
                    continue
                values = exported(resource, represent_own(resource, record))
                records.append(msgspec.Raw(msgspec.json.encode(values)))
                size += len(records[-1])
                count += 1
                if size > LARGEST or count > MOST_DOCUMENTED:
                    raise InvalidFields({"resources": [_TOO_LARGE]})
                secrets = secrets_of(resource, record, store.vault)
                if with_secrets and secrets is not None:
                    found.secrets[resource.uri_of(record.id)] = secrets
            found.resources[resource.name] = records
        return found


def _selected(wanted: Collection[str], *, with_secrets: bool) -> Iterator[AnyResource]:
    names = [each.name for each in TRANSFERRED]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        text = f"This must be some of: {', '.join(names)}."
        raise InvalidFields({"resources": [text]})
    for resource in TRANSFERRED:
        if resource.name == ACCOUNTS and not with_secrets:
            continue
        if not wanted or resource.name in wanted:
            yield resource


_TOO_LARGE = (
    f"The configuration has more than {LARGEST >> 20} MiB or {MOST_DOCUMENTED} "
    "records. Name resources to export them one after the other, export rooms and "
    "users as CSV, or make a backup."
)
