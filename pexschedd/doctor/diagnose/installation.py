"""Judges this machine, and other users of the mailbox. Pure."""

from shlex import quote

from pexschedd.doctor import remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.observations import DiskState
from pexschedd.doctor.report import CheckFinding, failed, passed, warning
from pexschedd.scheduling.alarms import names
from pexschedd.util.powershell import one_line

MIB = 1024 * 1024
DISK_WARNS = 1024 * MIB
"""Bytes free."""


def alone(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Judge by records and alarms if anything else uses the equipment mailbox."""
    address = case.connector.mailbox_address
    remedy = (
        "Give each integration, and each installation (test systems, too), an "
        "equipment mailbox of its own."
    )
    if case.others:
        others = ", ".join(map(one_line, case.others))
        return failed(
            f"{address} is also the mailbox of {others}.",
            cause="They take each other's requests: meetings are rejected as invalid "
            "at random.",
            remedy=remedy,
            commands=(remedies.make_mailbox(case),),
        )
    alarm = case.details(names.SHARED_MAILBOX)
    if alarm:
        return failed(
            f"Something else answers the requests in {address}: {one_line(alarm)}",
            cause="Another installation with the same mailbox, Exchange itself or a "
            "person takes requests.",
            remedy=remedy,
            commands=(
                *remedies.calendar_processing(case),
                f"Get-MailboxPermission -Identity {remedies.mailbox(case)}",
            ),
        )
    return passed(
        "No other integration here uses the mailbox, and nothing else seems to."
    )


def policy(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Tell who can ask which rooms are open; the PINs are in the answers."""
    if case.policy_is_open:
        return passed(
            "Whoever reaches the add-in's address can ask which rooms are open, and "
            "gets their PINs. Recommended: a name and password that conferencing nodes "
            "show (policy in the configuration file), or an endpoint that only they "
            "reach (endpoints.policy)."
        )
    return passed("It has a password, or an endpoint of its own.")


def secret_key(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Tell where the key is that opens stored secrets."""
    if not case.key_file:
        return passed(
            "The key of stored secrets is in the state folder, and in each backup of "
            "it. Recommended: keep it in a file elsewhere, which the configuration "
            "file names."
        )
    if case.key_copy:
        return warning(
            f"The key of stored secrets is in {case.key_file}, which is used, and a "
            f"copy of it in {case.key_copy}.",
            cause="As long as the copy is there, a backup of the state folder opens "
            "the secrets.",
            remedy="Remove the copy, once one of the key is kept in a safe place.",
            commands=(f"rm {quote(case.key_copy)}",),
        )
    return passed(
        f"The key of stored secrets is in {case.key_file}, and not in the state "
        "folder: no backup of that opens them. Keep a copy of the key in a safe place."
    )


def disk(_case: ExaminedIntegration, seen: DiskState) -> CheckFinding:
    """Judge the free space for the state folder."""
    if seen.problem:
        return failed(
            f"{seen.path} cannot be examined: {seen.problem}.",
            cause="The folder does not exist or is not accessible.",
            remedy="Correct state_dir in the configuration file, or the folder's "
            "permissions.",
        )
    message = (
        f"{seen.free // MIB:,} MiB of {seen.total // MIB:,} are free at {seen.path}."
    )
    remedy = "Free up space on this file system, or move state_dir to a larger one."
    low = seen.reserve // MIB
    if seen.free < seen.reserve:
        return failed(
            message,
            cause=f"Below {low:,} MiB, new meetings are not scheduled.",
            remedy=remedy,
        )
    if seen.free < max(DISK_WARNS, 2 * seen.reserve):
        return warning(
            message,
            cause=f"Space is running low: below {low:,} MiB, new meetings are "
            "not scheduled.",
            remedy=remedy,
        )
    return passed(message)
