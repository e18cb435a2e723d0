"""The messages on the control socket: orders to the daemon, and events to the tool.

Each is one line of JSON.
"""

from datetime import datetime

import msgspec

from pexschedd.doctor.report import DoctorReport
from pexschedd.doctor.trial.trial_report import TrialReport
from pexschedd.scheduling.run_requests import DEFAULT_MESSAGE, PROTOCOLS


class RecoveryOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="recovery",
    forbid_unknown_fields=True,
):
    """Restore the rooms of accepted meetings; see `upkeep.recovery`."""

    exchange_connector_id: int | None = None
    """None: every integration."""
    time_limit: datetime | None = None
    """Aware; None: now."""
    update_message: str = DEFAULT_MESSAGE
    dry_run: bool = False


class MaintenanceOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="maintenance",
    forbid_unknown_fields=True,
):
    """Delete old items from equipment mailboxes; see `upkeep.maintenance`."""

    exchange_connector_id: int | None = None
    """None: every integration."""
    inbox_time_limit: datetime | None = None
    calendar_time_limit: datetime | None = None
    """Aware; None: now."""
    dry_run: bool = False


class MigrationOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="migration",
    forbid_unknown_fields=True,
):
    """Have an integration use the other interface; see `migration.migrator`."""

    exchange_connector_id: int
    to: str = PROTOCOLS[0]
    """One of `run_requests.PROTOCOLS`."""
    dry_run: bool = False


class BackupOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="backup",
    forbid_unknown_fields=True,
):
    """Make a consistent copy of the state folder."""

    to: str
    """An absolute path on the daemon's machine, which must not exist yet."""
    dry_run: bool = False


class CheckOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="check",
    forbid_unknown_fields=True,
):
    """Examine integrations without changing anything."""

    exchange_connector_id: int | None = None
    """None: every integration."""
    user: str = ""
    """Address of a user for whom the service account is tried; may be empty."""


class TrialOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="trial",
    forbid_unknown_fields=True,
):
    """Try out an integration's tenant over Microsoft Graph; see `doctor.trial`."""

    exchange_connector_id: int
    user: str
    """Address of the user in whose calendar meetings are made."""


class PasswordOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="password",
    forbid_unknown_fields=True,
):
    """Change the administrator's password."""

    password: str

    def __repr__(self) -> str:
        return "PasswordOrder()"  # the password must not get into a log


class BundleOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="bundle",
    forbid_unknown_fields=True,
):
    """Gather what helps others to find a fault; see `control.bundle_gatherer`."""


class BundleParts(msgspec.Struct, frozen=True):
    """The parts of a support bundle. The tool removes the rest from all of it."""

    texts: dict[str, str]
    """By the names that they have in the bundle."""
    secrets: tuple[str, ...]
    """Values that must not be in it."""
    names: tuple[str, ...]
    """Names of administrators."""

    def __repr__(self) -> str:
        return "BundleParts()"  # the secrets must not get into a log


MailboxOrder = RecoveryOrder | MaintenanceOrder | MigrationOrder
"""Orders that work in mailboxes."""

Order = (
    MailboxOrder | CheckOrder | TrialOrder | BackupOrder | PasswordOrder | BundleOrder
)


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """The progress of one stage of the work."""

    what: str
    """The stage, in words."""
    done: int
    total: int | None = None
    """None: unknown."""


class Note(msgspec.Struct, frozen=True, tag="note"):
    """A line of text for the administrator."""

    text: str


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """The outcome of an order: the last event."""

    integrations: int = 0
    """Number of integrations for which it was executed."""
    counts: dict[str, int] = {}
    """The work done, by kind."""
    failures: int = 0
    reasons: tuple[str, ...] = ()
    """Reasons for the first failures."""
    code: str = ""
    """The code of the error, if there was one for the whole order."""
    refused: str = ""
    """The reason why the order was refused and nothing was done, if it was."""
    reports: tuple[DoctorReport, ...] = ()
    """The reports of a `CheckOrder`."""
    trial: TrialReport | None = None
    """The report of a `TrialOrder`."""
    bundle: BundleParts | None = None
    """The outcome of a `BundleOrder`."""


Event = Progress | Note | Finished
