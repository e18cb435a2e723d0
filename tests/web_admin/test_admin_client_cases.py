"""Requests of public clients, played where a folder with them is at hand.

`PEXSCHEDD_CLIENT_CASES` names it. Each JSON file has cases, each with the steps that
one client takes: a request, and what its decoder needs of the answer.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.web_admin.web_admin_support import API, Answer, Client, Server

FOLDER = os.environ.get("PEXSCHEDD_CLIENT_CASES", "")

CANNOT = {
    ("recurring_conference", "create"): "only GET",
    ("conference", "create"): "Nobody is called from here",
}
"""What docs/api.md names as not possible: steps of resources, with what the refusal
says. The steps after them cannot be taken."""

READ_OTHERWISE = {
    ("mjx_integration", "graph_deployment"),  # as an object: newer decoders need it
    ("mjx_google_deployment", "private_key"),  # a secret
    ("mjx_google_deployment", "refresh_token"),
}
"""Fields that are not read back as these cases have them, as docs/api.md says."""

THERE: dict[str, tuple[dict[str, Any], ...]] = {
    "system_location": ({"name": "Oslo"}, {"name": "Bergen"}),
    "mjx_exchange_deployment": tuple(
        {"name": name, "service_account_username": "x", "service_account_password": "x"}
        for name in ("First", "Second")
    ),
    "mjx_graph_deployment": tuple(
        {"name": name, "client_id": "x", "oauth_token_url": "https://login.test/"}
        for name in ("First", "Second")
    ),
    "mjx_integration": ({"name": "First", "exchange_deployment": 1},),
}
"""Records that cases of One-Touch Join refer to, with the ids 1 and 2."""

Case = dict[str, Any]


def cases() -> Iterator[Case]:
    for file in sorted(Path(FOLDER).glob("*.json")) if FOLDER else ():
        content = json.loads(file.read_text())
        yield from content if isinstance(content, list) else ()


def title(case: Case) -> str:
    return f"{case['client']} {case['resource']}: {case['name']}"


@pytest.mark.skipif(not FOLDER, reason="PEXSCHEDD_CLIENT_CASES names no folder")
@pytest.mark.parametrize("case", [*cases()], ids=title)
@pytest_twisted.ensureDeferred
async def test_what_clients_send(server: Server, case: Case) -> None:
    """Each step of a client is answered as it needs it, or refused as documented."""
    known: dict[str, str] = {}
    if case["resource"].startswith("mjx_"):
        for resource, records in THERE.items():
            for record in records:
                await server.client.create(f"{API}/{resource}/", record)
    for step in [*case.get("before", ()), *case["steps"]]:
        answer = await send(server.client, step, known)
        otherwise = {n for r, n in READ_OTHERWISE if r == case["resource"]}
        wrong = [
            each
            for each in problems(step["expect"], answer, known)
            if each.partition(":")[0] not in otherwise
        ]
        reason = CANNOT.get((case["resource"], step["op"]))
        if wrong and reason and reason.encode() in answer.body:
            return
        assert not wrong, (step["op"], wrong)
        if answer.status == 201 and answer.headers.hasHeader("location"):
            name = step.get("save", "id")
            known[f"{name}_uri"] = answer.location
            known[name] = answer.location.rstrip("/").rpartition("/")[2]
        for name, path in step.get("keep", {}).items():
            value = answer.json
            for part in path:
                value = value[part]
            known[name] = value


async def send(client: Client, step: Case, known: dict[str, str]) -> Answer:
    path = filled(step["path"], known)
    if "multipart" not in step:
        body = filled(step["body"], known) if "body" in step else None
        return await client.ask(step["method"], path, body)
    mark = "clients0case"
    parts = [(f'name="{n}"', v.encode()) for n, v in step["multipart"].items()]
    empty_zip = b"PK\x05\x06" + bytes(18)
    parts += [(f'name="{n}"; filename="f"', empty_zip) for n in step.get("files") or ()]
    form = b"".join(
        f"--{mark}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for head, content in parts
    )
    headers = {"content-type": f"multipart/form-data; boundary={mark}"}
    form += f"--{mark}--\r\n".encode()
    return await client.ask(step["method"], path, body=form, headers=headers)


def filled(value: Any, known: dict[str, str]) -> Any:
    """A value with what is known by now in the place of `{name}`."""
    if isinstance(value, str):
        found = re.sub(r"\{(\w+)\}", lambda m: str(known.get(m[1], m[0])), value)
        return known.get(value[1:-1], found) if value.startswith("{") else found
    if isinstance(value, list):
        return [filled(each, known) for each in value]
    if isinstance(value, dict):
        return {name: filled(each, known) for name, each in value.items()}
    return value


def problems(wanted: Case, answer: Answer, known: dict[str, str]) -> Iterator[str]:
    """What is not as the client needs it."""
    if answer.status not in wanted["status"]:
        yield f"{answer.status}: {answer.body[:300]!r}"
        return
    if "location" in wanted:
        pattern = filled(wanted["location"], known)
        if not re.fullmatch(pattern, answer.location):
            yield f"Location: {answer.location}"
    if not wanted.keys() & {"echo", "null", "has", "list"}:
        return
    body = answer.json
    for name, value in filled(wanted.get("echo") or {}, known).items():
        if not _same(value, body.get(name)):
            yield f"{name}: sent {value!r}, read {body.get(name)!r}"
    for name in wanted.get("null") or ():
        if body.get(name) is not None:
            yield f"{name}: null was sent, {body[name]!r} read"
    for name in wanted.get("has") or ():
        if name not in body:
            yield f"{name} is not there"
    if "list" in wanted:
        meta = body["meta"]
        if meta.keys() != {"limit", "offset", "next", "previous", "total_count"}:
            yield f"meta: {meta}"
        if meta["total_count"] < wanted.get("least", 0):
            yield f"too few: {meta}"


def _same(sent: Any, read: Any) -> bool:
    """Whether a value is read as it was sent; times may be written differently."""
    is_time = isinstance(sent, str) and re.match(r"\d{4}-\d\d-\d\dT", sent)
    if is_time and isinstance(read, str):
        return bool(sent[:19] == read[:19])
    return bool(sent == read)
