"""One resource, as Terraform's cycle tries it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tests.web_admin.terraform.workspace import Block


class Case(msgspec.Struct, frozen=True):
    """One resource: a record of it, and how that may be changed."""

    block: Block
    """With what it needs, and what other values of its fields need."""
    others: tuple[Block, ...] = ()
    """The records that it refers to."""
    values: Mapping[str, Any] = {}
    """Other values of fields whose type does not say how they look."""
    also: Mapping[str, Mapping[str, Any]] = {}
    """What has to change together with a field; None leaves out."""
    needed: frozenset[str] = frozenset()
    """Fields that this record cannot be without, although others can."""
