"""One request of Graph, and its answer, apart from HTTP."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec

from pexschedd.sandbox.graph.errors import GraphError

_KEYED = re.compile(r"([A-Za-z]+)\((.*)\)", re.DOTALL)
_PREFERENCE = re.compile(
    r'\s*([^=;,"\s]+)\s*(?:=\s*(?:"([^"]*)"|([^;,]*)))?\s*(?:[;,]|$)'
)


@dataclass
class GraphRequest:
    """A request below `/v1.0`. Names of headers are in lower case."""

    method: str
    path: str
    """Percent-encoded, beginning behind the version."""
    query: str = ""
    """Percent-encoded, without the question mark."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = "https://graph.microsoft.com/v1.0"
    """The address of the version, as the client knows it."""

    @cached_property
    def segments(self) -> list[str]:
        """The segments of the path: `mailFolders('inbox')` is two, `delta()` one."""
        found: list[str] = []
        for raw in self.path.strip("/").split("/"):
            segment = unquote(raw)
            keyed = _KEYED.fullmatch(segment.removeprefix("microsoft.graph."))
            if keyed is None:
                found.append(segment)
                continue
            found.append(keyed[1])
            if keyed[2]:
                found.append(keyed[2].strip("'").replace("''", "'"))
        return found

    @cached_property
    def options(self) -> dict[str, str]:
        """The query options, by their names as written. Raises `GraphError`."""
        found: dict[str, str] = {}
        for part in self.query.split("&") if self.query else ():
            name, _, value = part.partition("=")
            key = unquote_plus(name)
            key = key if key.startswith("$") else _CASED.get(key.lower(), key)
            if key in found:
                raise GraphError(
                    "BadRequest", f"Query option '{key}' was specified more than once."
                )
            found[key] = unquote_plus(value)
        return found

    @cached_property
    def preferences(self) -> dict[str, str]:
        """The preferences of the Prefer header, by names in lower case."""
        return {
            match[1].lower(): (match[2] or match[3] or "").strip()
            for match in _PREFERENCE.finditer(self.headers.get("prefer", ""))
        }

    def document(self) -> dict[str, Any]:
        """Return the JSON object in the body, {} for none. Raises `GraphError`."""
        if not self.body.strip():
            return {}
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise GraphError(
                "RequestBodyRead",
                f"The content type '{kind}' is not application/json.",
                415 if kind else 400,
            )
        try:
            document = msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise GraphError("BadRequest", f"Unable to read JSON: {error}.") from None
        if not isinstance(document, dict):
            raise GraphError("BadRequest", "The body must be a JSON object.")
        return document


_CASED = {
    "startdatetime": "startDateTime",
    "enddatetime": "endDateTime",
    "changetype": "changeType",
}


@dataclass
class GraphAnswer:
    """An answer: a JSON document, or bytes of another type, or nothing."""

    status: int = HTTPStatus.OK
    """Perhaps one that no standard has, such as Exchange's 440."""
    document: object = None
    raw: bytes = b""
    content_type: str = ""
    """Of `raw`."""
    headers: dict[str, str] = field(default_factory=dict)
    pace: Any = None
    """The fault that the transport applies to, or instead of, the answer."""

    @property
    def body(self) -> bytes:
        """The bytes of the body."""
        if self.document is None:
            return self.raw
        return msgspec.json.encode(self.document)
