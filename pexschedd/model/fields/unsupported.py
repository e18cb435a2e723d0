"""The rule for settings that the daemon does not honour. Pure.

The management API has the platform's fields, and clients send whole records. A field
that nothing here acts on says so (`Field.unsupported`): its default, null and "" are
accepted, and any other value is refused. A stored value from before that rule stays,
and is told to administrators when the daemon starts and by the doctor.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from pexschedd.model.fields.declaration import Declared, Record, fields_of


def refusal(declared: Declared, value: object) -> str | None:
    """Return why a valid value of a field is not honoured; None if it is."""
    reason = declared.field.unsupported
    if not reason or _is_neutral(declared, value):
        return None
    return f"{reason} This must be {_accepted(declared, ' or ')}."


def unsupported_settings(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the fields of a stored record that are set in vain, each with the
    reason."""
    for name, declared in _unsupported_fields(type(record)).items():
        if not _is_neutral(declared, getattr(record, name)):
            yield name, declared.field.unsupported


def told(declared: Declared) -> str:
    """Return the rule for one field, for the explanations of fields; empty for others.

    Names of fields are in backquotes.
    """
    field = declared.field
    if field.unsupported:
        only = _accepted(declared, " and ")
        if field.honoured:
            return f"Only {only} are accepted. {field.unsupported}"
        return f"Not supported yet, only {only} is accepted. {field.unsupported}"
    if field.only_with:
        other = field.only_with
        return f"Counts only with values of `{other}` that are not supported yet."
    return ""


@cache
def _unsupported_fields(kind: type[Record]) -> Mapping[str, Declared]:
    return {n: d for n, d in fields_of(kind).items() if d.field.unsupported}


def _is_neutral(declared: Declared, value: object) -> bool:
    if value in (None, "") or value == declared.default:
        return True
    return value in declared.field.honoured


def _accepted(declared: Declared, between: str) -> str:
    return between.join((_shown(declared.default), *declared.field.honoured))


def _shown(default: object) -> str:
    if default is None or isinstance(default, bool):
        return {None: "null", True: "true", False: "false"}[default]
    return "empty" if default == "" else str(default)
