"""The properties of items that a client asks for, and items as XML."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import SchemaError
from pexschedd.sandbox.items.records import Item, ItemKind
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.properties import (
    element_order,
    extended_properties,
    value_types,
)
from pexschedd.sandbox.properties.catalogue import BODIES, PROPERTIES, exists
from pexschedd.sandbox.properties.definitions import ItemProperty

_BASES = ("IdOnly", "Default", "AllProperties", "PcxPeopleSearch")
_SHAPE = (
    *("BaseShape", "IncludeMimeContent", "BodyType", "UniqueBodyType"),
    *("NormalizedBodyType", "FilterHtmlContent", "ConvertHtmlCodePageToUTF8"),
    *("InlineImageUrlTemplate", "BlockExternalImages", "AddBlankTargetToLinks"),
    *("MaximumBodySize", "AdditionalProperties"),
)
_EXTENDED = "ExtendedProperty"


@dataclass(frozen=True)
class ResponseShape:
    """The properties that a client asks for."""

    base: str
    uris: frozenset[str]
    """Properties asked for besides those of the base."""
    keys: tuple[extended_properties.ExtendedKey, ...]
    """Extended properties in the order of the request."""
    body_type: str
    from_find: bool
    """The shape is for FindItem or SyncFolderItems, which return less than GetItem."""

    @classmethod
    def read(cls, element: Element, *, from_find: bool = False) -> "ResponseShape":
        """Return the shape of an ItemShape element. Raises `SchemaError`."""
        markup.in_order(element, _SHAPE)
        base = markup.find_t(element, "BaseShape")
        if base is None:
            raise markup.missing(element, "BaseShape")
        name = markup.chosen(base, "BaseShape", base.text or "", _BASES)
        kind = markup.find_t(element, "BodyType")
        body_type = "Best" if kind is None else kind.text or ""
        if kind is not None:
            markup.chosen(kind, "BodyType", body_type, ("Best", "HTML", "Text"))
        more = markup.find_t(element, "AdditionalProperties")
        uris, keys = set(), []
        for child in more if more is not None else ():
            if markup.name_of(child) == "ExtendedFieldURI":
                keys.append(extended_properties.ExtendedKey.read(child))
            elif markup.name_of(child) == "FieldURI":
                uris.add(read_uri(child))
        return cls(name, frozenset(uris), tuple(keys), body_type, from_find)

    def write(self, parent: Element, item: Item, mailbox: SandboxMailbox) -> None:
        """Add the element of an item."""
        element = markup.t(parent, item.kind.value)
        for one in _plan(item.kind, self):
            if one is None:
                for key in self.keys:
                    if key.text not in item.left_out:
                        extended_properties.write(element, key, item, mailbox)
                continue
            if one.uri in item.left_out:
                continue
            value = one.get(item, mailbox)
            if value is None or value == ():
                continue
            if one.uri in BODIES:
                kind = "Text" if one.uri == "item:TextBody" else self.body_type
                value_types.write_body(element, one.name, value, kind)
            elif self.from_find and one.type is value_types.PERSON:
                # Finding looks things up in an index, which has only the names.
                value_types.write_mailbox(
                    markup.t(element, one.name), value, name_only=True
                )
            elif item.by_dn and one.type is value_types.PERSON:
                value_types.write_mailbox(
                    markup.t(element, one.name), value, by_dn=True
                )
            else:
                one.type.write(element, one.name, value)


def read_uri(element: Element) -> str:
    """Return the URI of a FieldURI element.

    Raises `SchemaError` if Exchange has no such property.
    """
    uri = markup.need(element, "FieldURI")
    if not exists(uri):
        raise SchemaError(
            f"The 'FieldURI' attribute is invalid - The value '{uri}' is invalid "
            "according to its datatype 'UnindexedFieldURIType'.",
            markup.line(element),
        )
    return uri


@cache
def _by_name(kind: ItemKind) -> tuple[ItemProperty | None, ...]:
    """Return the properties of one kind of item in schema order; None marks the place
    of the extended ones."""
    named = {each.name: each for each in PROPERTIES.values() if kind in each.kinds}
    return tuple(
        named.get(name)
        for name in element_order.ORDER[kind]
        if name in named or name == _EXTENDED
    )


@lru_cache(maxsize=64)
def _plan(kind: ItemKind, shape: ResponseShape) -> list[ItemProperty | None]:
    """Return the properties to write, in order."""
    wanted = _wanted(shape)
    return [
        each
        for each in _by_name(kind)
        if each is None or (wanted(each) and not (shape.from_find and not each.found))
    ]


def _wanted(shape: ResponseShape) -> Callable[[ItemProperty], Any]:
    if shape.base == "AllProperties":
        return lambda each: True
    if shape.base == "Default":
        return lambda each: each.default or each.uri in shape.uris
    return lambda each: each.uri == "item:ItemId" or each.uri in shape.uris


def write_id(parent: Element, item: Item, mailbox: SandboxMailbox) -> None:
    """Add an item with nothing but its id, as the answers of writing operations have
    it."""
    element = markup.t(parent, item.kind.value)
    markup.t(element, "ItemId", Id=item.id, ChangeKey=mailbox.change_key(item))
