"""Small collections: each document is one pretty-printed JSON file.

    {
      "crc": "89ab12cd",
      "format": 1,
      "tables": {
        "exchange_domain": {
          "next_id": 2,
          "records": [
            {
              "domain": "...",
              ...
            }
          ],
          "v": 1
        }
      }
    }

A document is written as a whole with every change. Somebody may edit it while the
daemon is stopped, see `checksummed_json.py`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pexschedd.errors import StoreError, StoreNewer
from pexschedd.store import checksummed_json
from pexschedd.store.collection import Collection
from pexschedd.store.index import MOST
from pexschedd.store.records import REMEDY, NewerFormat

FORMAT = 1


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    next_id: int
    v: int
    records: list[msgspec.Raw]


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    tables: dict[str, _Table]
    crc: str | None = None


def encode(collections: Sequence[Collection[Any]]) -> bytes:
    """Encode the document that holds the given collections, as they are now."""
    tables = {
        collection.table.name: {
            "next_id": collection.next_id,
            "v": collection.table.version,
            "records": list(collection.all()),
        }
        for collection in collections
    }
    return checksummed_json.dump({"format": FORMAT, "tables": tables})


def load(path: Path, data: bytes, collections: Sequence[Collection[Any]]) -> None:
    """Fill the collections from a document.

    Raises StoreError, or StoreNewer for a document of a newer release; the message says
    what is wrong, and where.
    """
    try:
        document = checksummed_json.load(data, _Document, FORMAT)
    except NewerFormat as error:
        raise StoreNewer(f"{path}: {error}") from None
    except ValueError as error:
        raise StoreError(f"{path}: {error}") from None
    known = {collection.table.name: collection for collection in collections}
    for name, table in document.tables.items():
        if name not in known:
            raise StoreNewer(
                f"{path}: the table {name!r} is unknown to this version. {REMEDY} Or "
                "correct the name."
            )
        collection = known[name]
        if not 1 <= table.next_id <= MOST + 1:
            raise StoreError(f"{path}: {name}: next_id must be from 1 to {MOST + 1}")
        for position, raw in enumerate(table.records, 1):
            where = f"{path}: {name}, record {position}"
            try:
                record = collection.format.decode(table.v, raw)
            except NewerFormat as error:
                raise StoreNewer(f"{where}: {error}") from None
            except ValueError as error:
                raise StoreError(f"{where}: {error}") from None
            if not 1 <= record.id <= MOST:
                raise StoreError(f"{where}: the id must be from 1 to {MOST}")
            if collection.get(record.id) is not None:
                raise StoreError(f"{where}: there is another one with id {record.id}")
            collection.replay(record.id, record)
            collection.used(record.id)
        collection.next_id = max(collection.next_id, table.next_id)
