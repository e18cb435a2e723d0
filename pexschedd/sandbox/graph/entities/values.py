"""Values of requests' documents, checked."""

from collections.abc import Iterable
from typing import Any

from pexschedd.sandbox.graph.errors import GraphError


def text(value: Any, name: str) -> str:
    """Return a text, "" for null. Raises `GraphError`."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise GraphError("ErrorInvalidRequest", f"{name}: must be a text.")
    return value


def texts(value: Any, name: str) -> tuple[str, ...]:
    """Return the texts of a list, none for null. Raises `GraphError`."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise GraphError("ErrorInvalidRequest", f"{name}: must be a list of texts.")
    return tuple(value)


def chosen(value: Any, name: str, allowed: Iterable[str]) -> str:
    """Return the one of the allowed texts that a value is, in whatever case.

    Raises `GraphError`.
    """
    known = {each.lower(): each for each in allowed}
    found = known.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise GraphError(
            "ErrorInvalidRequest", f"{name}: must be one of {', '.join(known)}."
        )
    return found
