"""Validation of a client's input: a record, or every problem at once. Pure.

Values are JSON's. Null and "" are two values of a text that may be null, and are kept
as they were sent. Otherwise both take a value away. A number, a truth value or a time
may come as text, if there is one way only to read it. What needs to know other records
(uniqueness, references) is `consistency`'s business.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol, TypeVar

from pexschedd.errors import InvalidFields, TemplateError
from pexschedd.model.blank_text import is_blank
from pexschedd.model.fields.declaration import Declared, Record, fields_of
from pexschedd.model.fields.secret_destinations import moved_secrets
from pexschedd.model.fields.times import parse_time
from pexschedd.model.fields.unsupported import refusal

R = TypeVar("R", bound=Record)
Problems = dict[str, list[str]]

LARGEST = 2**53 - 1
"""The largest integer that every JSON reader can hold exactly."""
_DIGITS = re.compile(r"-?[0-9]{1,18}")
_TRUTH = {"true": True, "false": False}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_BUT_LAYOUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class TemplateChecker(Protocol):
    """The check of a template's syntax and variables; keeps jinja2 out of this
    package."""

    def check(self, source: str, variables: frozenset[str]) -> None:
        """Raise `TemplateError` if `source` does not compile, or uses a variable that
        is not in `variables`."""

    def uses(self, source: str, variable: str) -> bool:
        """Return True if a template that compiles uses `variable`."""


class _Wrong(Exception):
    """The problem with one value."""


def is_writable(declared: Declared) -> bool:
    """Return True if clients of the API may set the field."""
    return not (declared.field.readonly or declared.field.internal)


def is_exposed(declared: Declared) -> bool:
    """Return True if the API returns the field."""
    return not (declared.field.secret or declared.field.internal)


def validate(
    kind: type[R],
    values: Mapping[str, object],
    *,
    current: R | None,
    templates: TemplateChecker,
    restored: Mapping[str, object] = {},
) -> R:
    """Return a record as `judge` does; raises `InvalidFields` that names every wrong
    field."""
    record, problems = judge(
        kind, values, current=current, templates=templates, restored=restored
    )
    if problems:
        raise InvalidFields(problems)
    return record


def judge(
    kind: type[R],
    values: Mapping[str, object],
    *,
    current: R | None,
    templates: TemplateChecker,
    restored: Mapping[str, object] = {},
) -> tuple[R, Problems]:
    """Return a record of `kind` with `values` over `current`, or over the defaults, and
    what is wrong with each field.

    A wrong field has in the record what it had, or something of its type, so that the
    rest can be judged. `current` is None for a new record, which gets the id 0;
    `restored` has values of fields that the server sets in one that has been elsewhere.
    Fields that the server sets keep their value: `values` may hold them, they are
    ignored. Required fields that the server sets are left for it. Secrets are plain in
    `values` and sealed in `current`. A stored secret that the change would send
    elsewhere has to be among the values (see `secret_destinations`); one that only the
    server sets is forgotten.
    """
    declared = fields_of(kind)
    problems: Problems = {}
    complete: dict[str, Any] = {}
    for name, field in declared.items():
        fresh = current is None
        complete[name] = _default(field) if fresh else getattr(current, name)
        if fresh and name in restored:
            complete[name] = restored[name]
        if not is_writable(field):
            continue
        if name in values:
            try:
                complete[name] = _honoured(
                    field, check_value(field, values[name], templates)
                )
            except _Wrong as wrong:
                problems[name] = [str(wrong)]
        elif fresh and field.required:
            problems[name] = ["This field is required."]
    for name in values:
        if name not in declared or declared[name].field.internal:
            problems[name] = ["There is no such field."]
    forgotten: Problems = {}
    if current is not None:
        moved = moved_secrets(declared, current, complete, values)
        for name, addresses in moved.items():
            if is_writable(declared[name]):
                problems[name] = [_not_sent(addresses)]
            else:
                complete[name] = ""
                for address in addresses:
                    forgotten.setdefault(address, []).append(_forgotten(name))
    record = kind(**complete)
    found = chain(record.contradictions(), record.omissions(current, values))
    for name, text in found:
        if not problems.get(name):
            problems[name] = [text]
    return record, {**forgotten, **problems} if problems else {}


def _not_sent(addresses: list[str]) -> str:
    fields = " and ".join(addresses)
    return (
        f"This is required in the same request as a new {fields}, which decides where "
        f"it is sent: the stored one was entered for the old {fields}. Send it along, "
        'or "" to remove it.'
    )


def _forgotten(secret: str) -> str:
    return f"With this change the stored {secret} is removed: it was for the old one."


def _default(field: Declared) -> Any:
    # What is required has no default; until it is given, something of its type lets
    # the rest of the record be judged.
    return _NOTHING[field.type] if field.required else field.default


def _honoured(field: Declared, value: Any) -> Any:
    problem = refusal(field, value)
    if problem is not None:
        raise _Wrong(problem)
    return value


def check_value(field: Declared, value: object, templates: TemplateChecker) -> Any:
    """Return the value as the record holds it; raise an error that says what is wrong
    with it."""
    if value is None or (value == "" and not _may_be_empty(field)):
        return _cleared(field)
    return _CHECKS[field.type](field, value, templates)


def problem_with(field: Declared, value: object, templates: TemplateChecker) -> str:
    """Return what is wrong with a value; empty if nothing is."""
    try:
        check_value(field, value, templates)
    except _Wrong as wrong:
        return str(wrong)
    return ""


def _may_be_empty(field: Declared) -> bool:
    """Return whether an empty text is a value of the field, or at least a wrong one."""
    return field.type is str and (field.nullable or not field.field.choices)


def _cleared(field: Declared) -> Any:
    """The value of a field from which the value is taken away."""
    if field.nullable:
        return None
    if field.required:
        raise _Wrong("This may not be null.")
    return field.default


def _text(field: Declared, value: object, templates: TemplateChecker) -> str:
    declared = field.field
    if not isinstance(value, str):
        raise _Wrong("This must be a text.")
    if declared.min_length and is_blank(value):
        raise _Wrong("This may not be empty.")
    if declared.max_length is not None and len(value) > declared.max_length:
        raise _Wrong(f"This may have {declared.max_length} characters at most.")
    if declared.min_length is not None and len(value) < declared.min_length:
        raise _Wrong(f"This must have {declared.min_length} characters at least.")
    layout = declared.multiline or declared.template is not None
    if (_CONTROL_BUT_LAYOUT if layout else _CONTROL).search(value):
        raise _Wrong("Control characters are not accepted here.")
    if declared.choices and value and value not in declared.choices:
        raise _Wrong(f"This must be one of: {', '.join(declared.choices)}.")
    for check in declared.checks:
        problem = check(value)
        if problem is not None:
            raise _Wrong(problem)
    if declared.template is not None:
        try:
            templates.check(value, declared.template)
            if declared.must_use and not templates.uses(value, declared.must_use):
                raise _Wrong(f"The template must use {{{{{declared.must_use}}}}}.")
        except TemplateError as error:
            raise _Wrong(error.message) from None
    return value


def _number(field: Declared, value: object, _: TemplateChecker) -> int:
    declared = field.field
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 5.0 is 5: JSON has one kind of number
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Wrong("This must be a whole number.")
    lowest = -LARGEST if declared.minimum is None else declared.minimum
    highest = LARGEST if declared.maximum is None else declared.maximum
    if not lowest <= value <= highest:
        unit = f" {declared.unit}" if declared.unit else ""
        raise _Wrong(f"This must be from {lowest} to {highest}{unit}.")
    return value


def _truth(_: Declared, value: object, __: TemplateChecker) -> bool:
    if isinstance(value, str):
        value = _TRUTH.get(value.lower())
    if not isinstance(value, bool):
        raise _Wrong("This must be true or false.")
    return value


def _moment(_: Declared, value: object, __: TemplateChecker) -> datetime:
    try:
        if isinstance(value, str):
            return parse_time(value)
    except ValueError:
        pass
    raise _Wrong("This must be a time such as 2026-11-21T09:30:00, in UTC.")


_NOTHING: Mapping[type, object] = {
    str: "",
    int: 0,
    bool: False,
    datetime: datetime.min.replace(tzinfo=UTC),
}
_CHECKS: Mapping[type, Callable[[Declared, object, TemplateChecker], Any]] = {
    str: _text,
    int: _number,
    bool: _truth,
    datetime: _moment,
}
