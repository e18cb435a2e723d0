"""Mistakes with the equipment mailbox, and with the right to act for its users."""

import msgspec
import pytest_twisted

from pexschedd.model import tables
from pexschedd.sandbox.mailboxes.accounts import Processing
from pexschedd.scheduling.alarms import names
from tests.doctor.doctor_support import ALICE, EQUIPMENT, SVC, Clinic, line
from tests.doctor.rows_support import (
    FAILED,
    NOT_CHECKED,
    WARNING,
    Row,
    assert_named,
    by_mistake,
)


def a_group(c: Clinic) -> None:
    c.account(EQUIPMENT, mailbox_type="PublicDL")


def no_impersonation(c: Clinic) -> None:
    c.account(SVC, impersonates=())


def only_the_equipment(c: Clinic) -> None:
    c.account(SVC, impersonates=(EQUIPMENT,))


def mailbox_missing(c: Clinic) -> None:
    c.change(room_mailbox_email_address="pexipmeting@example.test")


def alias_address(c: Clinic) -> None:
    c.change(room_mailbox_email_address="meetings@example.test")


def a_persons_mailbox(c: Clinic) -> None:
    c.change(room_mailbox_email_address=ALICE)


def automatic(c: Clinic) -> None:
    c.account(EQUIPMENT, processing=Processing.AUTO_ACCEPT)


def user_missing(c: Clinic) -> None:
    c.user = "nobody@example.test"


def no_subscriptions(c: Clinic) -> None:
    c.misbehave(kind="ErrorExceededSubscriptionCount", operation="Subscribe")


def throttled(c: Clinic) -> None:
    c.misbehave(kind="ErrorServerBusy", back_off_ms=90_000)


def used_by_another(c: Clinic) -> None:
    c.alarm(names.SHARED_MAILBOX, "test-server answers in this mailbox, too")


def used_by_another_integration(c: Clinic) -> None:
    twin = msgspec.structs.replace(
        c.connector, id=2, name="Branch", room_mailbox_email_address=EQUIPMENT.upper()
    )
    c.records.put(tables.CONNECTOR, twin)


ROWS: list[Row] = [
    # what was done wrong        check           status   the message  cause or remedy
    (a_group, "mailbox", FAILED, "no mailbox", "New-Mailbox"),
    (
        no_impersonation,
        "impersonation",
        FAILED,
        "may not act for",
        f"-Role ApplicationImpersonation -User '{SVC}'",
    ),
    (only_the_equipment, "user", FAILED, f"not act for {ALICE}", "Widen the scope"),
    (mailbox_missing, "mailbox", FAILED, "There is no mailbox", "New-Mailbox"),
    (alias_address, "mailbox", FAILED, EQUIPMENT, "primary address"),
    (a_persons_mailbox, "kind", WARNING, "person's mailbox", "EquipmentMailbox"),
    (
        automatic,
        "processing",
        FAILED,
        "AutoAccept",
        f"Set-CalendarProcessing -Identity '{EQUIPMENT}' -AutomateProcessing None",
    ),
    (user_missing, "user", FAILED, "nobody@example.test", "misspelt"),
    (no_subscriptions, "notifications", WARNING, "SubscriptionCount", "polled"),
    (throttled, "throttling", WARNING, "up to 90 s", "Set-ThrottlingPolicyAssociation"),
    (used_by_another, "alone", FAILED, "test-server", "of its own"),
    (used_by_another_integration, "alone", FAILED, "Branch", "New-Mailbox -Equipment"),
]


@by_mistake(ROWS)
@pytest_twisted.ensureDeferred
async def test_it_is_named(clinic: Clinic, row: Row) -> None:
    """The line of that check, and no unrelated one, says what is wrong and how to mend
    it; no secret is in the report."""
    await assert_named(clinic, *row)


@pytest_twisted.ensureDeferred
async def test_without_a_user(clinic: Clinic) -> None:
    """No user named and none known: not checked, and how to name one."""
    clinic.user = ""
    found = line(await clinic.examine(), "user")
    assert found.status is NOT_CHECKED
    assert "--user" in found.remedy
