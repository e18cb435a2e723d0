"""The resources as each role has them. Pure.

A resource that a role may not change is read-only in its view, wherever it is met: on
its own, nested in another record, or in a list of many. A field that it may not see
does not exist there, also not for filters that lead through a relation.
"""

from collections.abc import Mapping
from functools import lru_cache

from pexschedd.management.access.permissions import may
from pexschedd.management.access.recorded_changes import changes_of
from pexschedd.management.resources import (
    BY_KIND,
    CONFIGURATION_CHANGE,
    AnyResource,
)
from pexschedd.model.accounts.administrator import RoleLevel
from pexschedd.model.accounts.principal import Principal

View = Mapping[str, Mapping[str, AnyResource]]
"""The resources of each kind, by name."""


def _view(role: RoleLevel) -> View:
    if role is RoleLevel.FULL:
        return BY_KIND
    configuration: dict[str, AnyResource] = {}
    view: dict[str, dict[str, AnyResource]] = {kind: {} for kind in BY_KIND}
    view["configuration"] = configuration
    seen = [
        (kind, resource)
        for kind, resources in BY_KIND.items()
        for resource in resources.values()
        if may(role, "GET", f"{kind}/{resource.name}")
    ]
    names = {
        resource.name: resource for kind, resource in seen if kind == "configuration"
    }
    configuration.update(names)
    for kind, resource in seen:
        view[kind][resource.name] = resource.restricted(
            configuration,
            writable=may(role, "PATCH", f"{kind}/{resource.name}"),
            confidential=role >= RoleLevel.HELP_DESK,
        )
    history = view["history"]
    changes = history.get(CONFIGURATION_CHANGE.name)
    if changes is not None:
        history[changes.name] = changes_of(changes, {**view["status"], **configuration})
    return view


_VIEWS: Mapping[RoleLevel, View] = {role: _view(role) for role in RoleLevel}


def resources_for(principal: Principal, kind: str) -> Mapping[str, AnyResource]:
    """Return the resources of a kind that a principal has; empty for no such kind."""
    return _VIEWS[principal.level].get(kind, {})


def resource_for(principal: Principal, kind: str, name: str) -> AnyResource | None:
    """Return a resource as a principal has it, or None."""
    resource = resources_for(principal, kind).get(name)
    if resource is None or not resource.owner or principal.level is RoleLevel.FULL:
        return resource
    return _of_owner(resource, principal.administrator)


@lru_cache(maxsize=1_000)
def _of_owner(resource: AnyResource, administrator: int) -> AnyResource:
    """The same one each time: what is worked out for a resource is kept by it."""
    return resource.of_owner(administrator)
