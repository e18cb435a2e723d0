"""JSON schemas of resources: records as they are shown and sent, and lists. Pure.

For a resource such as `exchange_domain` the document has

    ExchangeDomain           a record in answers
    ExchangeDomainPage       a page of records
    ExchangeDomainFilters    the filters of lists, as arguments of the address
    ExchangeDomainCreate     a new record
    ExchangeDomainUpdate     changes of a record
    ExchangeDomainBulk       many changes at once
    ExchangeDomainReference  the record in fields that refer to it
"""

from typing import Any

from pexschedd.management.resource import MOST_REFERRERS, Children, Referrer
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model.fields.declaration import Record
from pexschedd.web.admin.openapi.fields import (
    PLAIN_TYPES,
    component_name,
    reference_name,
    shown,
)
from pexschedd.web.admin.openapi.filters import FILTERS, filters_of, record_filters
from pexschedd.web.admin.openapi.names import about, all_resources, name_of, refer
from pexschedd.web.admin.openapi.resource_schema import resource_schema
from pexschedd.web.admin.openapi.sent_records import bulk, reference, sent_record
from pexschedd.web.admin.openapi.types import attribute_docs, schemas_of
from pexschedd.web.admin.schema import list_methods

PAGE_META = "PageMeta"
RESOURCE_SCHEMA = "ResourceSchema"
ISSUED = {
    "api_token": "token",
    "mjx_screen_token": "token",
    "oauth2_client": "private_key_jwt",
}
"""The secrets that new records are answered with, once."""


def components() -> dict[str, Any]:
    """Return the schemas of all resources, by name."""
    found: dict[str, Any] = {
        PAGE_META: _page_meta(),
        RESOURCE_SCHEMA: resource_schema(),
        **FILTERS,
    }
    columns = [c for r in all_resources() for c in r.columns.values()]
    _, composed = schemas_of({c.type for c in columns} - PLAIN_TYPES.keys())
    found |= composed
    related = {c.related for c in columns}
    for name in sorted({*CONFIGURATION, *related} - {""}):
        found[reference_name(name)] = reference(name)
        found |= record_filters(name)
    for resource in all_resources():
        name = name_of(resource)
        found[name] = record(resource)
        found[f"{name}Page"] = _page(name)
        found[f"{name}Filters"] = filters_of(resource)
        if resource.writable:
            found[f"{name}Create"] = sent_record(resource, is_new=True)
            found[f"{name}Update"] = sent_record(resource, is_new=False)
        if "patch" in list_methods(resource):
            found[f"{name}Bulk"] = bulk(resource)
    return found


def record(resource: AnyResource) -> dict[str, Any]:
    """Return the schema of a record in answers."""
    kind: type[Record] = resource.table.record
    docs = attribute_docs(kind)
    properties: dict[str, Any] = {}
    required = []
    for name, column in resource.columns.items():
        declared = resource.fields[name]
        properties[name] = shown(declared, column, docs.get(name, ""))
        if not declared.field.confidential:
            required.append(name)
    properties["resource_uri"] = {
        "type": "string",
        "format": "uri-reference",
        "description": "The address of this record.",
        "readOnly": True,
    }
    for child in resource.children.values():
        properties[child.name] = _shown_children(child)
        if child.count:
            properties[child.count] = {
                "type": "integer",
                "minimum": 0,
                "description": f"The number of {child.name}.",
                "readOnly": True,
            }
    for referrer in resource.referrers:
        if referrer.shown:
            properties[referrer.shown] = {
                "type": "array",
                "items": _items(referrer),
                "maxItems": MOST_REFERRERS,
                "description": f"Records of {referrer.resource} that refer to this "
                "one.",
                "readOnly": True,
            }
    for missing in resource.missing.values():
        properties[missing.name] = {
            "type": "array",
            "items": {"type": "string"},
            "maxItems": 0,
            "description": f"{missing.reason} Always empty.",
        }
    return {
        "type": "object",
        "description": about(resource),
        "properties": properties,
        # Roles that only read have no confidential fields; nested records have their
        # own fields alone.
        "required": [*required, "resource_uri"],
    }


def _shown_children(child: Children) -> dict[str, Any]:
    text = f"Records of {child.resource} that belong to this one."
    return {"type": "array", "items": _items(child), "description": text}


def _items(relation: Children | Referrer) -> dict[str, Any]:
    if relation.nested:
        return refer(component_name(relation.resource))
    return {"type": "string", "format": "uri-reference"}


def _page_meta() -> dict[str, Any]:
    number = {"type": "integer", "minimum": 0}
    address = {"type": ["string", "null"], "format": "uri-reference"}
    return {
        "type": "object",
        "description": "The place of a page in its list.",
        "properties": {
            "limit": {**number, "description": "The most records on a page."},
            "offset": {**number, "description": "The number of records before it."},
            "next": {**address, "description": "The address of the next page."},
            "previous": {**address, "description": "The address of the page before."},
            "total_count": {**number, "description": "The records on all pages."},
        },
        "required": ["limit", "offset", "next", "previous", "total_count"],
    }


def page_of(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a page with such records."""
    return {
        "type": "object",
        "properties": {
            "meta": refer(PAGE_META),
            "objects": {"type": "array", "items": items},
        },
        "required": ["meta", "objects"],
    }


def _page(name: str) -> dict[str, Any]:
    return page_of(refer(name))
