"""All routes of the management API, without the daemon that serves them.

A part of the API is a class in `web/admin/` whose name ends in `Routes`. Its `add_to`
only names its methods, so it can be asked of a part that was never built.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from inspect import getmembers, isclass
from typing import Any

import pexschedd.web.admin
from pexschedd.web.admin.api import AdminApi, AdminRoutes
from pexschedd.web.admin.openapi.document import Route


def all_parts() -> Iterator[type[AdminRoutes]]:
    """Yield the classes of all parts."""
    package = pexschedd.web.admin
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if each.name.endswith("__main__"):
            continue
        part: Any
        for name, part in getmembers(import_module(each.name), isclass):
            is_here = part.__module__ == each.name
            if is_here and name.endswith("Routes") and part is not AdminRoutes:
                yield part


def all_routes() -> list[Route]:
    """Return the routes that all parts add."""
    nobody: Any = None
    parts = [part.__new__(part) for part in all_parts()]
    return AdminApi(nobody, parts, nobody).routes
