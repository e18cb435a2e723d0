"""The answers that tell what an import would change, or has changed."""

import msgspec

from pexschedd.management.admin_log import note
from pexschedd.management.transfer.plan import (
    MOST_LISTED,
    ImportPlan,
    PlannedRecord,
)
from pexschedd.model.configuration_change import CHANGED, CREATED


class FieldWarning(msgspec.Struct, frozen=True):
    """A field that was taken, but does not have the effect that it seems to have, or
    that asks for something to be done."""

    field: str
    text: str


class ImportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an import. The numbers count all records, of which the first ones
    are listed."""

    dry_run: bool
    """True if nothing was changed."""
    created: int
    changed: int
    unchanged: int
    records: list[PlannedRecord]
    warnings: list[FieldWarning]


class DeploymentAnswer(ImportAnswer, frozen=True, kw_only=True):
    """The outcome of an import from another deployment."""

    left_out: list[str]
    """Kinds of records and values that are not taken over, with their numbers."""
    secrets_needed: dict[str, dict[str, str]]
    """Secrets that have to be sent along, with the reason, by `resource_uri` and
    field."""


def import_answer(plan: ImportPlan, *, is_dry_run: bool) -> ImportAnswer:
    """Return the answer that tells a plan, and log what was made."""
    answer = ImportAnswer(
        dry_run=is_dry_run,
        created=plan.count(CREATED),
        changed=plan.count(CHANGED),
        unchanged=plan.unchanged,
        records=plan.records[:MOST_LISTED],
        warnings=[FieldWarning(each.field, each.text) for each in plan.notes],
    )
    if not is_dry_run:
        note(
            "configuration imported created={created} changed={changed} "
            "unchanged={unchanged}",
            created=answer.created,
            changed=answer.changed,
            unchanged=answer.unchanged,
        )
    return answer
