"""Mistakes on our own side: a full disk, and settings that only the platform has."""

import pytest_twisted

from pexschedd.doctor.observations import DiskState
from pexschedd.model import tables
from pexschedd.model.conference import Conference
from tests.doctor.doctor_support import Clinic
from tests.doctor.rows_support import FAILED, WARNING, Row, assert_named, by_mistake


def theme(c: Clinic) -> None:
    c.change(ivr_theme=7)


def group(c: Clinic) -> None:
    c.change(host_identity_provider_group=7)


def odd_room(c: Clinic) -> None:
    room = Conference(id=1, name="Closed room", teams_proxy=3)
    c.records.put(tables.CONFERENCE, room)


def disk_nearly_full(c: Clinic) -> None:
    c.disk = DiskState("/var/lib/pexschedd", 50 * 2**20, 100 * 2**30, 2**30)


def disk_scarce(c: Clinic) -> None:
    c.disk = DiskState("/var/lib/pexschedd", 1500 * 2**20, 100 * 2**30, 2**30)


ROWS: list[Row] = [
    # what was done wrong        check           status   the message  cause or remedy
    (disk_nearly_full, "disk", FAILED, "50 MiB", "state_dir"),
    (theme, "settings", FAILED, "ivr_theme", "null"),
    (group, "settings", FAILED, "host_identity_provider_group", "the platform has"),
    (odd_room, "settings", FAILED, "Closed room", "defaults"),
    (disk_scarce, "disk", WARNING, "500 MiB", "Free up space"),
]


@by_mistake(ROWS)
@pytest_twisted.ensureDeferred
async def test_it_is_named(clinic: Clinic, row: Row) -> None:
    """The line of that check, and no unrelated one, says what is wrong and how to mend
    it; no secret is in the report."""
    await assert_named(clinic, *row)
