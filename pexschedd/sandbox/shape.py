"""Which properties of an item a client wants to see, and the item as XML."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from pexschedd.sandbox import extended, markup, order, values
from pexschedd.sandbox.errors import SchemaError
from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.model import Item, ItemKind
from pexschedd.sandbox.properties import BODIES, PROPERTIES, exists
from pexschedd.sandbox.property import Property

_BASES = ("IdOnly", "Default", "AllProperties", "PcxPeopleSearch")
_SHAPE = (
    *("BaseShape", "IncludeMimeContent", "BodyType", "UniqueBodyType"),
    *("NormalizedBodyType", "FilterHtmlContent", "ConvertHtmlCodePageToUTF8"),
    *("InlineImageUrlTemplate", "BlockExternalImages", "AddBlankTargetToLinks"),
    *("MaximumBodySize", "AdditionalProperties"),
)
_EXTENDED = "ExtendedProperty"


@dataclass(frozen=True)
class Shape:
    base: str
    uris: frozenset[str]
    """Additional ones."""
    keys: tuple[extended.Key, ...]
    """Extended properties, as they were asked for."""
    body_type: str
    from_find: bool
    """For FindItem and SyncFolderItems, which give less than GetItem."""

    @classmethod
    def read(cls, element: Element, *, from_find: bool = False) -> "Shape":
        """An ItemShape element. Raises `SchemaError`."""
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
                keys.append(extended.Key.read(child))
            elif markup.name_of(child) == "FieldURI":
                uris.add(read_uri(child))
        return cls(name, frozenset(uris), tuple(keys), body_type, from_find)

    def write(self, parent: Element, item: Item, mailbox: SandboxMailbox) -> None:
        """Adds the item's element."""
        element = markup.t(parent, item.kind.value)
        for one in _plan(item.kind, self):
            if one is None:
                for key in self.keys:
                    extended.write(element, key, item, mailbox)
                continue
            value = one.get(item, mailbox)
            if value is None or value == ():
                continue
            if one.uri in BODIES:
                kind = "Text" if one.uri == "item:TextBody" else self.body_type
                values.write_body(element, one.name, value, kind)
            elif self.from_find and one.type is values.PERSON:
                # Finding looks things up in an index, which has only the names.
                values.write_mailbox(markup.t(element, one.name), value, name_only=True)
            else:
                one.type.write(element, one.name, value)


def read_uri(element: Element) -> str:
    """The URI of a FieldURI element. Raises `SchemaError` if there is no such one."""
    uri = markup.need(element, "FieldURI")
    if not exists(uri):
        raise SchemaError(
            f"The 'FieldURI' attribute is invalid - The value '{uri}' is invalid "
            "according to its datatype 'UnindexedFieldURIType'.",
            markup.line(element),
        )
    return uri


@cache
def _by_name(kind: ItemKind) -> tuple[Property | None, ...]:
    """The properties of one kind of item in schema order; None marks where the
    extended ones go."""
    named = {each.name: each for each in PROPERTIES.values() if kind in each.kinds}
    return tuple(
        named.get(name)
        for name in order.ORDER[kind]
        if name in named or name == _EXTENDED
    )


@lru_cache(maxsize=64)
def _plan(kind: ItemKind, shape: Shape) -> list[Property | None]:
    """The properties to write, in order."""
    wanted = _wanted(shape)
    return [
        each
        for each in _by_name(kind)
        if each is None or (wanted(each) and not (shape.from_find and not each.found))
    ]


def _wanted(shape: Shape) -> Callable[[Property], Any]:
    if shape.base == "AllProperties":
        return lambda each: True
    if shape.base == "Default":
        return lambda each: each.default or each.uri in shape.uris
    return lambda each: each.uri == "item:ItemId" or each.uri in shape.uris


def write_id(parent: Element, item: Item, mailbox: SandboxMailbox) -> None:
    """An item with nothing but its id, as the answers to writing have it."""
    element = markup.t(parent, item.kind.value)
    markup.t(element, "ItemId", Id=item.id, ChangeKey=mailbox.change_key(item))
