"""The daemon's part of a support bundle: its configuration and its state, no secrets.

Meetings, rooms, users and the history are not part of it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from pexschedd.config import Config
from pexschedd.control.protocol import BundleParts
from pexschedd.doctor.report import DoctorReport
from pexschedd.doctor.text import text as report_text
from pexschedd.errors import ConfigError, StoreError
from pexschedd.management.resources import BY_KIND, AnyResource
from pexschedd.management.transfer.secrets import secrets_of
from pexschedd.model import tables
from pexschedd.model.fields.declaration import Record, fields_of
from pexschedd.model.fields.validation import is_exposed
from pexschedd.model.table import Table
from pexschedd.scheduling.alarms.health import HealthCheck
from pexschedd.store.store import Store
from pexschedd.supervision.trace_settings import trace_headers

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

SHORTEST_VALUE = 8
"""Characters of a header for the collector of traces that may be a secret. Shorter ones
name a tenant, and are words that occur elsewhere."""

ACCOUNTS: tuple[Table[Any], ...] = (
    tables.ADMINISTRATOR,
    tables.API_TOKEN,
    tables.OAUTH2_CLIENT,
    tables.SCREEN_TOKEN,
)
"""The tables that have secrets, too, and of which nothing is shown."""

KEPT_ADMINISTRATORS = {"admin", "schedulingservice"}
"""Names that are not persons'."""


def secrets_in_files(config: Config) -> Iterator[str]:
    """Yield the secrets in files that the configuration names, those of which it may
    read."""
    for path in (
        config.key_file,
        config.policy_password_file,
        config.proxy_password_file,
        config.initial_admin_password_file,
        config.state_dir / "initial-admin-password",
        config.state_dir / "secret.key",
    ):
        if path is not None:
            with suppress(OSError):
                text = path.read_text("utf-8-sig", "replace").strip()
                yield text
                yield text.partition("\n")[0].strip()  # a password has one line
    with suppress(ConfigError):
        for value in trace_headers(config).values():
            words = value, value.rpartition(" ")[2]
            yield from (each for each in words if len(each) >= SHORTEST_VALUE)


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
        yield from secrets_in_files(self._config)

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
