"""Judges settings that the daemon does not honour. Pure."""

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.report import CheckFinding, failed, passed
from pexschedd.model.fields.unsupported import unsupported_settings
from pexschedd.util.powershell import one_line


def settings(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Judge the stored settings of the integration, and of rooms."""
    found = dict(unsupported_settings(case.connector))
    if found:
        names = ", ".join(found)
        return failed(
            f"Set, but without effect: {names}.",
            cause=" ".join(f"{name}: {reason}" for name, reason in found.items()),
            remedy="Set them back to their defaults: see the configuration reference. "
            "Other values are not accepted any more.",
        )
    if case.missing_references:
        return failed(
            f"Set, but leads nowhere: {', '.join(case.missing_references)}.",
            cause=" ".join(
                f"{name}: {text}" for name, text in case.missing_references.items()
            ),
            remedy="Make a record with the name that the platform has, and refer to "
            "that, or set it to null. Rooms that were made already keep theirs: "
            "change those, too.",
        )
    if case.unsupported_rooms:
        rooms = ", ".join(map(one_line, case.unsupported_rooms))
        return failed(
            f"Rooms have settings without effect, such as {rooms}.",
            cause="Conferencing nodes are not told these settings. The log has them, "
            "from when the daemon started.",
            remedy="Set them back to their defaults, or remove the rooms.",
        )
    return passed("All that is set has an effect.")
