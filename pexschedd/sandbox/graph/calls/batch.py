"""Batches: up to twenty requests in one, each with an outcome of its own."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer, GraphRequest

MOST = 20
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


@dataclass
class BatchedRequest:
    """One request of a batch."""

    id: str
    request: GraphRequest
    after: list[str] = field(default_factory=list)
    """The ids of those that must succeed first."""


def read(outer: GraphRequest) -> list[BatchedRequest]:
    """Return the requests of a batch. Raises `GraphError`."""
    requests = outer.document().get("requests")
    if not isinstance(requests, list) or not requests:
        raise _invalid("Invalid batch payload format.")
    if len(requests) > MOST:
        raise GraphError(
            "MaximumValueExceeded",
            f"Number of batch request steps exceeds the maximum value of {MOST}.",
        )
    found: list[BatchedRequest] = []
    seen: set[str] = set()
    for each in requests:
        one = _read_one(outer, each)
        if one.id.lower() in seen:
            raise _invalid(f"The id '{one.id}' is there twice.")
        for other in one.after:
            if other.lower() not in seen:
                raise _invalid(f"dependsOn: there is no request '{other}' before.")
        seen.add(one.id.lower())
        found.append(one)
    return found


def written(identifier: str, answer: GraphAnswer) -> dict[str, Any]:
    """Return the answer to one request as the batch has it."""
    headers = {_title(name): value for name, value in answer.headers.items()}
    document: dict[str, Any] = {"id": identifier, "status": int(answer.status)}
    if answer.document is not None:
        headers["Content-Type"] = "application/json"
    if headers:
        document["headers"] = headers
    if answer.document is not None:
        document["body"] = answer.document
    return document


def failed_dependency(identifier: str) -> dict[str, Any]:
    """Return the answer to a request after one that failed."""
    return {
        "id": identifier,
        "status": 424,
        "headers": {"Content-Type": "application/json"},
        "body": {
            "error": {
                "code": "FailedDependency",
                "message": "The request failed because it depends on one that failed.",
            }
        },
    }


def _read_one(outer: GraphRequest, each: Any) -> BatchedRequest:
    if not isinstance(each, dict):
        raise _invalid("Invalid batch payload format.")
    identifier, method, url = (each.get(name) for name in ("id", "method", "url"))
    if not isinstance(identifier, str) or not identifier:
        raise _invalid("id: every request needs one, a text.")
    if str(method).upper() not in _METHODS:
        raise _invalid(f"method: '{method}' is not supported.")
    if not isinstance(url, str) or "://" in url.partition("?")[0]:
        raise _invalid("url: must be relative, such as /users/….")
    headers = each.get("headers") or {}
    after = each.get("dependsOn") or []
    if not isinstance(headers, dict) or not isinstance(after, list):
        raise _invalid("headers: an object; dependsOn: a list.")
    lowered = {str(name).lower(): str(value) for name, value in headers.items()}
    body = each.get("body")
    if body is not None and "content-type" not in lowered:
        raise _invalid(
            "Request body was found but no Content-Type header was specified."
        )
    data = b""
    if isinstance(body, str) and lowered["content-type"].startswith("text/plain"):
        data = body.encode()
    elif body is not None:
        data = msgspec.json.encode(body)
    path, _, query = url.partition("?")
    request = GraphRequest(
        str(method).upper(), path, query, lowered, data, outer.base_url
    )
    return BatchedRequest(identifier, request, [str(other) for other in after])


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _invalid(text: str) -> GraphError:
    return GraphError("BadRequest", text)
