"""`python -m pexschedd.model.reference`: all fields, as Markdown."""

import sys
from collections.abc import Iterator
from datetime import datetime

from pexschedd.model import tables
from pexschedd.model.fields import secret_destinations, unsupported
from pexschedd.model.fields.declaration import Declared, Record, fields_of

_RESOURCES: tuple[tuple[str, type[Record]], ...] = tuple(
    (table.name, table.record)
    for table in (
        tables.CONNECTOR,
        tables.EXCHANGE_DOMAIN,
        tables.CONFERENCE,
        tables.CONFERENCE_ALIAS,
        tables.END_USER,
        tables.IVR_THEME,
        tables.IDENTITY_PROVIDER_GROUP,
        tables.SYSTEM_LOCATION,
        tables.MJX_INTEGRATION,
        tables.MJX_EXCHANGE_DEPLOYMENT,
        tables.MJX_AUTODISCOVER_URL,
        tables.MJX_GRAPH_DEPLOYMENT,
        tables.MJX_GOOGLE_DEPLOYMENT,
        tables.MJX_PROCESSING_RULE,
        tables.MJX_ENDPOINT_GROUP,
        tables.MJX_ENDPOINT,
        tables.SCREEN_TOKEN,
        tables.SCHEDULED_CONFERENCE,
        tables.SCHEDULED_ALIAS,
        tables.CA_CERTIFICATE,
        tables.ADMINISTRATOR,
        tables.API_TOKEN,
        tables.OAUTH2_CLIENT,
    )
)
_INTRODUCTION = """# Configuration reference

Everything the management API can set, resource by resource. This page is generated
from the declared fields:
`python -m pexschedd.model.reference > docs/configuration.md`.

A field without a default is required. A *secret* is sealed at rest, or
kept as a hash, and never returned.
A *read-only* field is set by the server. After a change of a field marked *manifest*
the add-in's manifest has to be downloaded and deployed again.
"""
_TYPES = {str: "text", int: "number", bool: "true or false", datetime: "time (UTC)"}
_LONGEST_IN_TABLE = 130


def document() -> str:
    """Return the whole page as Markdown."""
    parts = [_INTRODUCTION]
    for name, record in _RESOURCES:
        parts += _section(name, record)
    return "\n".join(parts) + "\n"


def _section(name: str, record: type[Record]) -> Iterator[str]:
    yield f"\n## {name}\n"
    yield (record.__doc__ or "").strip().splitlines()[0] + "\n"
    texts = []
    head_needed = True
    for declared in fields_of(record).values():
        if declared.field.internal:
            continue
        if declared.field.begins:
            yield f"\n### {declared.field.begins}\n"
            head_needed = True
        if head_needed:
            yield "| field | type | default | explanation |"
            yield "|---|---|---|---|"
            head_needed = False
        yield _row(declared)
        if _is_long(declared):
            texts.append(declared)
    if texts:
        yield f"\n### Default texts of {name}\n"
    for declared in texts:
        text = declared.default.replace("\r\n", "\n")
        yield f"`{declared.name}`:\n\n```html\n{text}\n```\n"


def _row(declared: Declared) -> str:
    cells = (
        f"`{declared.name}`",
        _type(declared),
        _default(declared),
        " ".join(filter(None, _explained(declared))),
    )
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _type(declared: Declared) -> str:
    field = declared.field
    if field.related:
        return f"reference to `{field.related}`"
    if field.choices:
        return "one of " + ", ".join(f"`{choice}`" for choice in field.choices)
    kind = "template" if field.template is not None else _TYPES[declared.type]
    if field.minimum is not None and field.maximum is not None:
        kind += f", {field.minimum} to {field.maximum}"
    if field.max_length is not None:
        kind += f", {field.min_length or 0} to {field.max_length} characters"
    return f"{kind} ({field.unit})" if field.unit else kind


def _default(declared: Declared) -> str:
    default = declared.default
    if declared.required or declared.field.readonly:
        return ""
    if _is_long(declared):
        return "see below"
    if default is None or isinstance(default, bool):
        return {None: "null", True: "true", False: "false"}[default]
    return "empty" if default == "" else f"`{default}`"


def _is_long(declared: Declared) -> bool:
    default = declared.default
    return isinstance(default, str) and (
        "\n" in default or len(default) > _LONGEST_IN_TABLE
    )


def _explained(declared: Declared) -> Iterator[str]:
    field = declared.field
    if field.label:
        yield f"**{field.label}.**"
    if declared.name == "id":
        yield "The record's number; never given twice."
    yield field.help
    yield secret_destinations.told(field)
    yield unsupported.told(declared)
    if field.template:
        yield "Variables: " + ", ".join(f"`{v}`" for v in sorted(field.template)) + "."
    marks = [
        mark
        for mark, is_set in (
            ("secret", field.secret),
            ("read-only", field.readonly),
            ("unique", field.unique),
            ("manifest", field.manifest),
        )
        if is_set
    ]
    if marks:
        yield f"*{', '.join(marks)}*"


if __name__ == "__main__":
    sys.stdout.write(document())
