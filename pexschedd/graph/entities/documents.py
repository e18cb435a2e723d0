"""Answers of Graph as documents: JSON objects, and collections of them."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


class Page(msgspec.Struct, frozen=True):
    """A page of a collection: its members as they came, and the link to the next
    page, "" on the last one."""

    value: tuple[msgspec.Raw, ...]
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)


class _Identified(msgspec.Struct, frozen=True):
    id: str


def read_document(data: bytes | msgspec.Raw, shape: type[T]) -> T:
    """Read a document of the shape; members that it does not have are ignored.

    Raises ValueError, with the name of the member that is wrong.
    """
    try:
        return msgspec.json.decode(data, type=shape)
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


def read_page(data: bytes) -> Page:
    """Read a page. Raises ValueError."""
    return read_document(data, Page)


def id_of(data: bytes | msgspec.Raw) -> str:
    """Return the id of an entity. Raises ValueError for what is no entity."""
    found = read_document(data, _Identified).id
    if not found:
        raise ValueError("an entity without an id")
    return found
