"""JSON schemas of records as they are sent: new, changed, or many at once. Pure."""

from typing import Any

from pexschedd.management.resource import MOST_RECORDS, Children, uri_of
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model.fields.validation import LARGEST
from pexschedd.web.admin.openapi.fields import reference_name, sent
from pexschedd.web.admin.openapi.names import about, name_of, refer


def sent_record(resource: AnyResource, *, is_new: bool) -> dict[str, Any]:
    """Return the schema of a record in requests: a new one, or changes."""
    properties = {
        name: sent(declared, is_new=is_new)
        for name, declared in resource.fields.items()
    }
    for child in resource.children.values():
        properties[child.name] = _sent_children(child)
        if child.count:
            properties[child.count] = _ignored(f"The number of {child.name}.")
    for referrer in resource.referrers:
        if referrer.shown:
            text = f"Records of {referrer.resource} that refer to this one."
            properties[referrer.shown] = _ignored(text)
    for missing in resource.missing.values():
        text = f"{missing.reason} Only an empty list is accepted."
        properties[missing.name] = {
            "type": ["array", "null"],
            "items": {"type": "string"},
            "maxItems": 0,
            "description": text,
        }
    for name, file in resource.files.items():
        properties[name] = {
            "enum": ["", None],
            "description": f"{file.help} Sent as multipart/form-data.",
        }
    properties["resource_uri"] = _ignored("The address of this record.")
    text = (
        "A new record. What is left out gets its default."
        if is_new
        else "Changes of a record. What is left out stays as it is."
    )
    schema = {
        "type": "object",
        "description": f"{about(resource)} {text}",
        "properties": properties,
        "additionalProperties": False,
    }
    if is_new:
        schema["required"] = required_fields(resource)
    return schema


def required_fields(resource: AnyResource, *, but: str = "") -> list[str]:
    """Return the names of the fields that a new record needs, `but` one."""
    return [
        name
        for name, declared in resource.fields.items()
        if declared.required and not declared.field.readonly and name != but
    ]


def sent_form(resource: AnyResource, *, is_new: bool) -> dict[str, Any]:
    """Return the schema of a record that is sent as a form with files."""
    texts = {
        name: {**sent(declared, is_new=False), "type": "string"}
        for name, declared in resource.fields.items()
        if not declared.field.readonly
    }
    files = {
        name: {
            "type": "string",
            "contentMediaType": "application/octet-stream",
            "format": "binary",
            "description": f"{file.help} {file.largest // 1024**2} MiB at most.",
        }
        for name, file in resource.files.items()
    }
    required = required_fields(resource) if is_new else []
    return {
        "type": "object",
        "properties": {**texts, **files},
        "required": required,
        "additionalProperties": False,
    }


def _sent_children(child: Children) -> dict[str, Any]:
    """Records that are to belong to one: new ones, changed ones or named ones."""
    other = CONFIGURATION[child.resource]
    if not other.writable:
        item = refer(reference_name(other.name))
    else:
        new = _new(required_fields(other, but=child.parent))
        changed = refer(f"{name_of(other)}Update")
        item = {
            "anyOf": [
                {**changed, "anyOf": [new, *_named(other)]},
                *_addresses(other.name),
            ]
        }
    return {
        "type": ["array", "null"],
        "items": item,
        "maxItems": MOST_RECORDS,
        "description": f"All records of {child.resource} that are to belong to this "
        "one: others that do are deleted. Null leaves them as they are.",
    }


def _ignored(text: str) -> dict[str, Any]:
    return {"description": f"{text} What is sent here is ignored."}


def _new(required: list[str]) -> dict[str, Any]:
    """The part of an item of a list that makes it a new record: it names none."""
    nothing = {"type": "null"}
    properties = {"resource_uri": nothing, "id": nothing}
    return {"properties": properties, "required": required}


def _named(resource: AnyResource) -> list[dict[str, Any]]:
    """The parts that make it one that is changed: its address, or its id."""
    address, number = _addresses(resource.name)
    return [
        {"properties": {"resource_uri": address}, "required": ["resource_uri"]},
        {
            "properties": {"resource_uri": {"type": "null"}, "id": number},
            "required": ["id"],
        },
    ]


def _addresses(resource: str) -> list[dict[str, Any]]:
    """The schemas of a record's address and of its id."""
    beginning = uri_of(resource, 0).removesuffix("0/")
    return [
        {
            "type": "string",
            "format": "uri-reference",
            "pattern": f"^({beginning})?[1-9][0-9]{{0,17}}/?$",
            "examples": [uri_of(resource, 1)],
        },
        {"type": "integer", "minimum": 1, "maximum": LARGEST},
    ]


def reference(resource: str) -> dict[str, Any]:
    """Return the schema of a field that refers to a record."""
    address, number = _addresses(resource)
    return {
        "description": f"A record of {resource}: its address, its id, or the record "
        "itself as it was read.",
        "anyOf": [
            address,
            number,
            {
                "type": "object",
                "properties": {"resource_uri": address},
                "required": ["resource_uri"],
            },
        ],
    }


def bulk(resource: AnyResource) -> dict[str, Any]:
    """Return the schema of many changes of a resource's records."""
    name = name_of(resource)
    changed = {**refer(f"{name}Update"), "anyOf": _named(resource)}
    new = [] if resource.issued else [{**refer(f"{name}Create"), **_new([])}]
    return {
        "type": "object",
        "description": "Many changes, all of them or none.",
        "properties": {
            "objects": {
                "type": "array",
                "items": {"anyOf": [changed, *new]},
                "maxItems": MOST_RECORDS,
                "description": "Records: with a `resource_uri` they are changed, "
                "without one they are new.",
            },
            "deleted_objects": {
                "type": "array",
                "items": refer(reference_name(resource.name)),
                "maxItems": MOST_RECORDS,
                "description": "Records that are deleted.",
            },
        },
        "additionalProperties": False,
        "anyOf": [
            {"properties": {each: {"minItems": 1}}, "required": [each]}
            for each in ("objects", "deleted_objects")
        ],
    }
