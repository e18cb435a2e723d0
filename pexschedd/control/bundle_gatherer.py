"""The daemon's part of a support bundle: its configuration and its state, no secrets.

Meetings, rooms, users and the history are not part of it.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from pexschedd.config import Config
from pexschedd.config_keys import SECRETS_IN_STATE
from pexschedd.config_outline import secrets_in_url
from pexschedd.control.protocol import BundleParts
from pexschedd.doctor.report import DoctorReport
from pexschedd.doctor.text import text as report_text
from pexschedd.errors import StoreError
from pexschedd.management.resources import BY_KIND, AnyResource
from pexschedd.management.transfer.secrets import secrets_of
from pexschedd.model import tables
from pexschedd.model.fields.declaration import Record, fields_of
from pexschedd.model.fields.validation import is_exposed
from pexschedd.model.table import Table
from pexschedd.scheduling.alarms.health import HealthCheck
from pexschedd.store.store import Store

MOST_RECORDS = 500
"""Records of a table; the first ones."""

CONFIGURATION: tuple[Table[Any], ...] = (
    tables.CONNECTOR,
    tables.EXCHANGE_DOMAIN,
    tables.CA_CERTIFICATE,
    tables.IVR_THEME,
    tables.IDENTITY_PROVIDER_GROUP,
    tables.SYSTEM_LOCATION,
    tables.MJX_INTEGRATION,
    tables.MJX_ENDPOINT_GROUP,
    tables.MJX_ENDPOINT,
    tables.MJX_EXCHANGE_DEPLOYMENT,
    tables.MJX_AUTODISCOVER_URL,
    tables.MJX_GRAPH_DEPLOYMENT,
    tables.MJX_GOOGLE_DEPLOYMENT,
    tables.MJX_PROCESSING_RULE,
)

SHORTEST_VALUE = 4
"""Characters of a header for the collector of traces that may be a secret, if its name
does not say so. Shorter ones are numbers and words that occur elsewhere."""

TENANTS = frozenset({"x-scope-orgid", "x-honeycomb-dataset"})
"""Headers that name a tenant: no secret, and perhaps a word that occurs elsewhere."""

_SECRET_NAME = re.compile("auth|key|token|secret|password")
"""In the name of a header whose value is a secret, however short."""

MOST_OF_FILE = 64 * 1024
"""Bytes of a file with a secret that are read."""

ACCOUNTS: tuple[Table[Any], ...] = (
    tables.ADMINISTRATOR,
    tables.API_TOKEN,
    tables.OAUTH2_CLIENT,
    tables.SCREEN_TOKEN,
)
"""The tables that have secrets, too, and of which nothing is shown."""

KEPT_ADMINISTRATORS = {"admin", "schedulingservice"}
"""Names that are not persons'."""


def secrets_in_files(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the secrets in files of a key, a password or headers, those of which it may
    read."""
    for path in paths:
        with suppress(OSError, ValueError):
            if not path.is_file():
                continue
            with path.open("rb") as file:
                text = file.read(MOST_OF_FILE).decode("utf-8-sig", "replace").strip()
            yield text
            yield text.partition("\n")[0].strip()  # a password has one line
            for line in text.splitlines():
                name, _, value = line.partition(":")
                yield from _secrets_in_header(name.strip().lower(), value.strip())


def _secrets_in_header(name: str, value: str) -> Iterator[str]:
    """Yield what is secret in a header that is sent to the collector of traces."""
    if name in TENANTS:
        return
    scheme, _, credentials = value.rpartition(" ")
    least = 1 if _SECRET_NAME.search(name) else SHORTEST_VALUE
    yield from (each for each in (value, credentials) if len(each) >= least)
    if scheme.strip().lower() == "basic":
        with suppress(ValueError):
            pair = b64decode(credentials).decode("utf-8", "replace")
            yield pair
            yield pair.partition(":")[2]


def _secret_files(config: Config) -> Iterator[Path]:
    """Yield the files that may hold a secret."""
    yield from (config.state_dir / name for name in SECRETS_IN_STATE)
    for path in (
        config.key_file,
        config.policy_password_file,
        config.proxy_password_file,
        config.initial_admin_password_file,
        config.traces_headers_file,
    ):
        if path is not None:
            yield path


class BundleGatherer:
    """Gathers the parts; `checks` and `exposition` are those of `/health` and
    `/metrics`."""

    def __init__(
        self,
        store: Store,
        config: Config,
        checks: Callable[[], Sequence[HealthCheck]],
        exposition: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._config = config
        self._checks = checks
        self._exposition = exposition

    def gather(self, reports: Sequence[DoctorReport]) -> BundleParts:
        """Return all parts, and what has to be removed from them."""
        store = self._store
        texts = {
            f"configuration/{table.name}.json": _json(
                [_shown(record) for record in self._first(table)]
            )
            for table in CONFIGURATION
            if store.count(table)
        }
        texts |= {
            "alarms.json": _json([*store.all(tables.ALARM)]),
            "health.json": _json(self._checks()),
            "metrics.txt": self._exposition().decode(),
            "schema.json": _json(
                {
                    table.name: {
                        "version": table.version,
                        "document": table.document or "journal",
                        "records": store.count(table),
                    }
                    for table in tables.TABLES
                }
            ),
            "store.json": _json(
                {
                    "state": store.state,
                    "refusal": store.refusal,
                    "damage": store.damage,
                    "files": dict(_files(self._config.state_dir)),
                }
            ),
            "doctor.json": _json(reports),
            "doctor.txt": "\n".join(report_text(report) for report in reports),
        }
        return BundleParts(texts, tuple(self._secrets()), tuple(self._names()))

    def _first(self, table: Table[Any]) -> Iterator[Record]:
        for id in self._store.ids(table)[:MOST_RECORDS]:
            record = self._store.get(table, id)
            if record is not None:
                yield record

    def _secrets(self) -> Iterator[str]:
        for table in (*CONFIGURATION, *ACCOUNTS):
            yield from self._secrets_of(BY_KIND["configuration"][table.name])
        yield from secrets_in_files(_secret_files(self._config))
        yield from secrets_in_url(self._config.traces_url)

    def _secrets_of(self, resource: AnyResource) -> Iterator[str]:
        for record in self._store.all(resource.table):
            with suppress(StoreError):
                found = secrets_of(resource, record, self._store.vault)
                if found is not None:
                    yield from found.secrets.values()

    def _names(self) -> Iterable[str]:
        names = {each.name for each in self._store.all(tables.ADMINISTRATOR)}
        return names - KEPT_ADMINISTRATORS


def _shown(record: Record) -> dict[str, Any]:
    """A record's fields; of a secret only whether there is one."""
    shown: dict[str, Any] = {}
    for name, declared in fields_of(type(record)).items():
        value = getattr(record, name)
        if declared.field.secret or declared.field.confidential:
            shown[name] = "(set)" if value else "(not set)"
        elif name == "id" or is_exposed(declared):
            shown[name] = value
    return shown


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """The names and sizes of the files in the state folder, two levels deep."""
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")])[:2_000]:
        with suppress(OSError):
            if path.is_file():
                yield str(path.relative_to(folder)), path.stat().st_size


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
