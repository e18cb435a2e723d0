"""What a tool orders, and what it is told while that is carried out.

Each of them is one line of JSON on the control socket.
"""

from datetime import datetime

import msgspec

from pexschedd.doctor.report import DoctorReport
from pexschedd.scheduling.upkeep.recovery import DEFAULT_MESSAGE

MESSAGE_LIMIT = 12_288
"""Characters of `--update-message`, as for the texts of an integration."""


class RecoveryOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="recovery",
    forbid_unknown_fields=True,
):
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
    exchange_connector_id: int | None = None
    """None: every integration."""
    inbox_time_limit: datetime | None = None
    calendar_time_limit: datetime | None = None
    """Aware; None: now."""
    dry_run: bool = False


class BackupOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="backup",
    forbid_unknown_fields=True,
):
    """Makes a consistent copy of the state folder."""

    to: str
    """An absolute path on the daemon's machine that is not there yet."""
    dry_run: bool = False


class CheckOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="check",
    forbid_unknown_fields=True,
):
    """Looks and changes nothing."""

    exchange_connector_id: int | None = None
    """None: every integration."""
    user: str = ""
    """Whose calendar the service account is tried with."""


class PasswordOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="password",
    forbid_unknown_fields=True,
):
    """Gives the administrator another password."""

    password: str

    def __repr__(self) -> str:
        return "PasswordOrder()"  # what is logged must not hold it


Chore = RecoveryOrder | MaintenanceOrder
Order = Chore | CheckOrder | BackupOrder | PasswordOrder


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    what: str
    done: int
    total: int | None = None


class Note(msgspec.Struct, frozen=True, tag="note"):
    text: str


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    integrations: int = 0
    counts: dict[str, int] = {}
    failures: int = 0
    reasons: tuple[str, ...] = ()
    """Of the first failures."""
    refused: str = ""
    """Why the order makes no sense; nothing was done then."""
    reports: tuple[DoctorReport, ...] = ()
    """Of a check."""


Event = Progress | Note | Finished
