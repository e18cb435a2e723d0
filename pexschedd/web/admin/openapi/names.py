"""Names of resources in the document, and what is said of them. Pure."""

import re
from collections.abc import Iterator
from typing import Any

from pexschedd.management.computed.resources import COMPUTED
from pexschedd.management.resources import BY_KIND, AnyResource
from pexschedd.web.admin.openapi.fields import component_name
from pexschedd.web.admin.openapi.types import one_line

_REF = "#/components/schemas/"


def all_resources() -> Iterator[AnyResource]:
    """Yield the resources of all kinds."""
    for resources in BY_KIND.values():
        yield from resources.values()
    for computed in COMPUTED.values():
        yield computed.resource


def name_of(resource: AnyResource) -> str:
    """Return the name under which the document has a resource's records."""
    return component_name(resource.name, resource.kind)


def refer(name: str) -> dict[str, Any]:
    """Return the reference to a schema of the document."""
    return {"$ref": _REF + name}


def about(resource: AnyResource) -> str:
    """Return a sentence that says what a record is."""
    text = one_line(resource.table.record.__doc__ or "")
    return re.split(r"(?<=\.) ", text)[0]
