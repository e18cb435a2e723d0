"""The stored form of a record: a version and a JSON value. Pure."""

from typing import Any, Generic

import msgspec

from pexschedd.model.table import R, Table

REMEDY = "Start the newer version that wrote it."
"""Advice that an older release gives about the files of a newer one."""


class NewerFormat(ValueError):
    """The file is sound, but uses a format that this release does not know."""


_encode = msgspec.json.Encoder().encode


class RecordFormat(Generic[R]):
    """Encodes and decodes the records of one table."""

    def __init__(self, table: Table[R]) -> None:
        self._table = table
        self._version = table.version
        self._decode = msgspec.json.Decoder(table.record).decode
        self.upgraded: set[int] = set()
        """Older versions that were read."""

    def encode(self, record: R) -> bytes:
        """Encode a record as JSON of the table's current version.

        Raises ValueError for a record that would not be read back unchanged: values are
        not checked when a record is created, and a single value of a wrong type would
        prevent every later start of the daemon.
        """
        if type(record) is not self._table.record:
            raise ValueError(
                f"{self._name(record)}: a {type(record).__name__} is not of this table"
            )
        try:
            data = _encode(record)
            same = self._decode(data) == record
        except (ValueError, TypeError) as error:
            # msgspec's errors name the field and the types, never the value.
            raise ValueError(
                f"{self._name(record)} cannot be stored: {error}"
            ) from None
        if not same:
            raise ValueError(
                f"{self._name(record)} would be read back as a different record"
            )
        return data

    def _name(self, record: R) -> str:
        return f"{self._table.name} {record.id!r}"

    def decode(self, version: int, data: bytes | msgspec.Raw) -> R:
        """Decode a record, upgrading it to the table's current version.

        Raises ValueError, or NewerFormat for a newer version; the message says what is
        wrong and how to correct it.
        """
        if version != self._version:
            data = self._upgraded(version, data)
        try:
            return self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(
                f"not a valid {self._table.name} of version {version}: {error}. "
                "If you edited it, correct that; else start the version that wrote "
                "it, or restore a backup."
            ) from None

    def _upgraded(self, version: int, data: bytes | msgspec.Raw) -> bytes:
        name = self._table.name
        if version > self._version:
            raise NewerFormat(
                f"{name} of version {version}, and this program knows versions up to "
                f"{self._version}. {REMEDY}"
            )
        value: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
        for step in range(version, self._version):
            upgrade = self._table.upgrades.get(step)
            if upgrade is None:
                raise ValueError(
                    f"{name} of version {version}, and this program cannot upgrade "
                    f"version {step}. Start an older version first."
                )
            value = upgrade(value)
        self.upgraded.add(version)
        return _encode(value)
