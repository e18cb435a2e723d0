"""The references in what an administrator sends, looked up."""

from pexschedd.errors import InvalidFields
from pexschedd.management.change_set import ChangeSet
from pexschedd.management.references import parse_reference
from pexschedd.management.resource import FileField, Payload, Upload
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model.fields.validation import Problems, is_writable


class FixedReference(int):
    """A reference that the server itself has put in and need not look up."""


def own_values(
    changes: ChangeSet, resource: AnyResource, payload: Payload
) -> tuple[dict[str, object], Problems]:
    """Return the payload with references as ids and without files and fields that are
    only shown, and the problems with the references and the files."""
    values: dict[str, object] = {}
    problems: Problems = resource.missing_problems(payload)
    shown_only = {"resource_uri", *resource.children, *resource.missing}
    shown_only |= {c.count for c in resource.children.values() if c.count}
    shown_only |= {each.shown for each in resource.referrers}
    for name, field in resource.files.items():
        problem = _file_problem(field, payload.get(name))
        if problem is not None:
            problems[name] = [problem]
    for name, value in payload.items():
        if name in shown_only or name in resource.files:
            continue
        declared = resource.fields.get(name)
        related = declared.field.related if declared and is_writable(declared) else ""
        if not related or value in (None, ""):
            values[name] = value
            continue
        try:
            values[name] = _resolved(changes, related, value)
        except InvalidFields as error:
            problems[name] = list(error.problems[""])
            values[name] = 1  # of the right type: the problem is named already
    return values, problems


def _file_problem(field: FileField, value: object) -> str | None:
    """Return what is wrong with a file field's value; null and "" stand for no file."""
    if value is None or value == "":
        return None
    if isinstance(value, Upload):
        return field.check(value.content)
    return "This must be a file: send the record as multipart/form-data."


def _resolved(changes: ChangeSet, related: str, value: object) -> int:
    """The id that `value` refers to; of our own resources it must exist."""
    if isinstance(value, FixedReference):
        return int(value)
    if related in CONFIGURATION:
        return existing_reference(changes, CONFIGURATION[related], value)
    try:
        return parse_reference(related, value)
    except ValueError as error:
        raise InvalidFields({"": [str(error)]}) from None


def existing_reference(changes: ChangeSet, resource: AnyResource, value: object) -> int:
    """Return the id of a record that exists, which `value` refers to; raises
    `InvalidFields`."""
    try:
        id_ = parse_reference(resource.name, value)
    except ValueError as error:
        raise InvalidFields({"": [str(error)]}) from None
    if changes.get(resource.table, id_) is None:
        raise InvalidFields({"": [f"There is no {resource.name} {id_}."]})
    return id_


def id_of(resource: AnyResource, item: object) -> int | None:
    """Return the id of a listed item that names a record, or None for a new one."""
    try:
        return parse_reference(resource.name, item)
    except ValueError:
        return None
