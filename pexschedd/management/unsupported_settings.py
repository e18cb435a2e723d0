"""The warning of stored settings that have no effect, or lead nowhere.

They were stored before such values were refused. See `model.fields.unsupported` and
`model.platform.missing_references`.
"""

from itertools import islice

from twisted.logger import Logger

from pexschedd.model import tables
from pexschedd.model.fields.unsupported import unsupported_settings
from pexschedd.model.platform.missing_references import missing_references
from pexschedd.store.store import Store

_log = Logger()

MOST_ROOMS = 20
"""Rooms that are named one by one."""


def warn_of_unsupported(store: Store) -> None:
    """Log a warning for each setting of an integration or a room that is not
    honoured."""
    for connector in store.all(tables.CONNECTOR):
        for setting, reason in unsupported_settings(connector):
            _log.warn(
                "setting has no effect integration={integration} setting={setting} "
                "reason={reason}",
                integration=connector.id,
                setting=setting,
                reason=reason,
            )
        for setting, effect in missing_references(connector, store.get).items():
            _log.warn(
                "setting leads nowhere integration={integration} setting={setting} "
                "effect={effect}",
                integration=connector.id,
                setting=setting,
                effect=effect,
            )
    rooms = store.find_each(tables.CONFERENCE_BY_UNSUPPORTED, tables.UNSUPPORTED)
    for number, room in enumerate(islice(rooms, MOST_ROOMS + 1), 1):
        if number > MOST_ROOMS:
            _log.warn(
                "settings have no effect in more than {most} rooms", most=MOST_ROOMS
            )
            return
        for setting, reason in unsupported_settings(room):
            _log.warn(
                "setting has no effect conference={conference} setting={setting} "
                "reason={reason}",
                conference=room.id,
                setting=setting,
                reason=reason,
            )
