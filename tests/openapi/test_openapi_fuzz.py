"""Schemathesis finds nothing: no request that the document allows, or forbids, gets an
answer that it does not have."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import requests

from tests.openapi.fuzz import fuzz, running_daemon
from tests.openapi.test_openapi_document import DOCUMENT, OPERATIONS
from tests.system.system_support import World
from tests.thorough import THOROUGH

EXAMPLES = 40 if THOROUGH else 2
PATIENCE = 3 * 3600 if THOROUGH else 600
WHOLE = (
    "conference_alias",
    "end_user",
    "status_alarm",  # stored
    "status_certificate",  # worked out when it is asked for
    "status_exchange_set_aside_message",  # clients may delete what it has
)
"""Resources all of whose operations are tried each time."""


def _left_out() -> Iterator[str]:
    """The options that leave out what differs from an operation of these in names
    alone, and would cost three minutes: lists with all their filters, schemas, and PUT,
    which takes what PATCH does."""
    for _, _, operation in OPERATIONS:
        name = operation["operationId"]
        filtered = "filters" in [
            each["name"] for each in operation.get("parameters", ())
        ]
        repeats = filtered or name.startswith(("describe_", "replace_"))
        if repeats and not name.endswith(WHOLE) and not THOROUGH:
            yield f"--exclude-operation-id={name}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_daemon(tmp_path_factory.mktemp("openapi")) as world:
        yield world


def ask(world: World, method: str, path: str, **options: Any) -> requests.Response:
    """An operation about the records with the number 1."""
    path = re.sub(r"\{(\w+_)?id\}", "1", path)
    return requests.request(
        method, world.admin + path, timeout=60, allow_redirects=False, **options
    )


@pytest.mark.timeout(PATIENCE)
def test_credentials_are_asked_for_where_the_document_says(world: World) -> None:
    """Each operation is refused without credentials, but for those that say that they
    take none."""
    for path, method, operation in OPERATIONS:
        is_public = operation.get("security") == []
        status = ask(world, method, path).status_code
        assert (status != 401) == is_public, (method, path)


@pytest.mark.timeout(PATIENCE)
def test_answers_are_as_described(world: World) -> None:
    """Each `GET` has a status, a type and a body that the document has, and an object's
    fields are all described."""
    for path, method, operation in OPERATIONS:
        if method != "get":
            continue
        answer = ask(world, method, path, auth=("admin", world.password))
        described = operation["responses"].get(str(answer.status_code))
        assert described is not None, (path, answer.text)
        if "$ref" in described:
            name = described["$ref"].rpartition("/")[2]
            described = DOCUMENT["components"]["responses"][name]
        if "content" not in described:
            assert not answer.content, path
            continue
        kind = answer.headers["content-type"].partition(";")[0]
        schema = described["content"][kind]["schema"]
        if kind == "application/json":
            whole = {**schema, "components": DOCUMENT["components"]}
            jsonschema_rs.validate(whole, answer.json())
            _require_described(schema, answer.json(), path)


def _require_described(schema: Any, record: Any, path: str) -> None:
    name = schema.get("$ref", "").rpartition("/")[2]
    properties = DOCUMENT["components"]["schemas"].get(name, {}).get("properties")
    if properties is not None and name != "PageMeta":
        assert {*record} <= {*properties}, path
        if record.get("objects"):
            items = properties["objects"]["items"]
            _require_described(items, record["objects"][0], path)


@pytest.mark.timeout(PATIENCE)
def test_schemathesis_finds_nothing(world: World) -> None:
    """Right and wrong requests for each kind of operation are answered as the document
    says, and none makes the daemon fail; the same ones each time."""
    chance = [] if THOROUGH else ["--generation-deterministic"]
    options = [f"--max-examples={EXAMPLES}", "--phases=fuzzing", *chance, *_left_out()]
    run = fuzz(world, options)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Traceback" not in world.daemon.log.read_text()
