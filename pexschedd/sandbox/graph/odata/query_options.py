"""The query options $select, $expand, $orderby, $top and $skip."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pexschedd.sandbox.graph.errors import GraphError

_ITEM = re.compile(r"[A-Za-z.]+(?:/[A-Za-z.]+)*")


@dataclass(frozen=True)
class Expansion:
    """One item of $expand: a path, and the options in parentheses behind it."""

    path: str
    options: dict[str, str]

    @property
    def name(self) -> str:
        """The last part of the path, without a cast."""
        return self.path.rpartition("/")[2]


def split(text: str, separator: str = ",") -> list[str]:
    """Return the parts of a text, not split within parentheses or quotes."""
    parts, depth, quoted, begin = [], 0, False, 0
    for index, char in enumerate(text):
        if char == "'":
            quoted = not quoted
        elif not quoted and char in "()":
            depth += 1 if char == "(" else -1
        elif char == separator and not quoted and not depth:
            parts.append(text[begin:index])
            begin = index + 1
    parts.append(text[begin:])
    return [part.strip() for part in parts if part.strip()]


@lru_cache(256)  # clients ask for the same again and again
def expansions(text: str) -> tuple[Expansion, ...]:
    """Return the items of $expand. Raises `GraphError`."""
    found = []
    for part in split(text):
        path, bracket, rest = part.partition("(")
        if not _ITEM.fullmatch(path.strip()) or (bracket and not rest.endswith(")")):
            raise parse_error(f"Term '{part}' is not valid in a $expand expression.")
        options = {}
        for each in split(rest[:-1], ";") if bracket else ():
            name, _, value = each.partition("=")
            options[name.strip().lower()] = value.strip()
        found.append(Expansion(path.strip(), options))
    return tuple(found)


@lru_cache(256)
def selection(text: str | None) -> tuple[str, ...] | None:
    """Return the properties of $select; None for all. Raises `GraphError`."""
    if text is None:
        return None
    names = split(text)
    for name in names:
        if not _ITEM.fullmatch(name) and name != "*":
            raise parse_error(f"Term '{name}' is not valid in a $select expression.")
    return None if "*" in names else tuple(names)


def number(options: dict[str, str], name: str, default: int, most: int) -> int:
    """Return the value of $top or $skip. Raises `GraphError`."""
    text = options.get(name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 9 or (name == "$top" and int(text) < 1):
        raise GraphError(
            "ErrorInvalidUrlQueryFilter" if name == "$filter" else "BadRequest",
            f"Invalid value '{text}' for {name} query option found.",
        )
    return min(int(text), most)


def pick(document: dict[str, Any], names: tuple[str, ...] | None) -> dict[str, Any]:
    """Return the document with the selected properties and its annotations."""
    if names is None:
        return document
    wanted = _wanted(names)
    return {
        key: value
        for key, value in document.items()
        if "@" in key or key.casefold() in wanted
    }


@lru_cache(100)
def _wanted(names: tuple[str, ...]) -> frozenset[str]:
    wanted = {name.rpartition("/")[2].casefold() for name in names}
    return frozenset(wanted | {"id", "meetingmessagetype"})


def ordered(documents: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Return the documents as $orderby says. Raises `GraphError`."""
    for part in reversed(split(text)):
        path, _, direction = part.partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise parse_error(f"'{direction}' is neither asc nor desc.")

        def key(document: dict[str, Any], path: str = path) -> tuple[bool, Any]:
            value = look_up(document, path)
            if isinstance(value, dict | list):
                raise parse_error(f"'{path}' cannot be ordered by.")
            return value is not None, value if value is not None else ""

        documents = sorted(
            documents, key=key, reverse=direction.strip().lower() == "desc"
        )
    return documents


def look_up(document: Any, path: str) -> Any:
    """Return the value at a path such as `start/dateTime`; None if there is none."""
    for name in path.split("/"):
        if name.startswith("microsoft.graph."):
            continue
        if not isinstance(document, dict):
            return None
        if name not in document:
            folded = name.casefold()
            name = next((key for key in document if key.casefold() == folded), "")
        document = document.get(name)
    return document


def parse_error(message: str) -> GraphError:
    """Return the error of a query option that cannot be read."""
    return GraphError("RequestBroker--ParseUri", message, 400)
