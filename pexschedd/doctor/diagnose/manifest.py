"""Judges the manifest that is installed in Exchange, and what users see of the texts.
Pure."""

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.report import CheckFinding, not_checked, passed, warning
from pexschedd.model.integration.manifest_history import ChangedSince, changed_since

_REMEDY = (
    "Download the manifest and install it again, as the setup script does. Outlook "
    "may take up to three days to notice."
)


def manifest(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Judge the revision of the manifest by those that panes have named lately."""
    used, current = case.addin.manifests, case.connector.manifest_revision
    if not case.serving:
        return not_checked("The daemon is not running, which gets to know it.")
    if used is None:
        return not_checked(
            "No Outlook has named its manifest lately. Outlook 2013 never does."
        )
    if used.newest < current:
        changed = changed_since(case.connector.manifest_history, used.newest, current)
        if changed.nothing:
            return passed(
                f"The manifest in use has revision {used.newest}, which differs in "
                f"nothing from the current one, {current}."
            )
        return warning(
            f"The manifest in use has revision {used.newest}, and the configuration "
            f"has {current}. Changed since: {_named(changed)}.",
            cause="The manifest was not installed again after the change, or no pane "
            "was opened since.",
            remedy=_REMEDY,
        )
    if used.oldest < current:
        return passed(
            f"The manifest in use is the current one, revision {current}. Some clients "
            f"still have an older one (revision {used.oldest})."
        )
    return passed(f"The manifest in use is the current one, revision {current}.")


def _named(changed: ChangedSince) -> str:
    names = list(changed.fields)
    if not changed.complete:
        names.append("more, which is not remembered")
    return ", ".join(names)


def frames(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Judge which Outlooks on the web may show the pane."""
    refused = case.addin.refused_frames
    if refused:
        return warning(
            f"The pane was to be shown at {', '.join(refused)}, and refused that.",
            cause="The pane may be shown at Microsoft's addresses and at those of the "
            "servers that the integration knows, so that no other page can lay itself "
            "over it. People see an empty pane or a grey icon in Outlook on the web.",
            remedy="If this is your Outlook on the web, add its address to the field "
            "Add-in frame ancestors.",
        )
    hosts = ", ".join(case.addin.frames)
    return passed(
        "Outlook on the web may show the pane at Microsoft's addresses and at: "
        f"{hosts or 'none of yours'}. If yours has another address, add it to the "
        "field Add-in frame ancestors."
    )


def texts(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Judge the texts that users do not see as they were entered."""
    notes = case.addin.notes
    if not notes:
        return passed("People see the add-in's texts as they were entered.")
    return warning(
        f"{len(notes)} of the add-in's texts are not shown as they were entered.",
        cause="Outlook's labels have little room, and the pane shows nothing that "
        "could run, load something or hide a part of it.",
        remedy="Change these texts if what is missing matters.",
        details=notes,
    )
