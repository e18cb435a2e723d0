"""The administrator's requests for runs in equipment mailboxes.

They are apart from what does the work: a command-line tool that only sends an order to
the daemon need not import all of that.
"""

from datetime import datetime

import msgspec

DEFAULT_MESSAGE = "This meeting has updated joining instructions."
MESSAGE_LIMIT = 12_288
"""Characters of a message, as for the texts of an integration."""

PROTOCOLS = ("GRAPH", "EWS")
"""The values of `mailbox_protocol`, the default target first."""


class RecoveryRequest(msgspec.Struct, frozen=True):
    """The administrator's wishes for one run of `upkeep.recovery`."""

    since: datetime
    """Aware UTC; meetings that start later are recovered."""
    message: str = DEFAULT_MESSAGE
    """HTML for the top of an invitation that is sent again."""


class MaintenanceRequest(msgspec.Struct, frozen=True):
    """The limits of one run of `upkeep.maintenance`, aware UTC; limits after the
    present count as now, and the run says so."""

    inbox_limit: datetime
    """Inbox items that were received before it are deleted."""
    calendar_limit: datetime
    """Meetings that have ended by then are deleted."""


class MigrationRequest(msgspec.Struct, frozen=True):
    """The administrator's wishes for one migration; see `migration.migrator`."""

    to: str = PROTOCOLS[0]
    """The `mailbox_protocol` that the integration is to have."""
