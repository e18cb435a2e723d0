"""Schemathesis finds nothing: no request that the document allows, or forbids, gets an
answer that it does not have."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

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
    "end_user",  # stored
    "status_certificate",  # worked out when it is asked for
    "status_exchange_set_aside_message",  # clients may delete what it has
)
"""Resources all of whose operations are tried each time."""

SAME = ("describe_", "get_", "delete_", "replace_", "update_", "change_many_")
"""Beginnings of the names of operations that are alike for all resources, or that take
the fields which POST takes."""

IDS = "1", "999999", "x"
"""A record that is there, one that is not, and what no record can have."""

_NAME = "urn:openapi"
_REGISTRY = jsonschema_rs.Registry([(_NAME, DOCUMENT)])


def _left_out() -> list[str]:
    """The option that leaves out what differs from an operation of these in names
    alone, and would cost three minutes: what takes an id or nothing, lists with all
    their filters, schemas, PUT, PATCH and changes of many records, which take what POST
    does. Reading and deleting is asked of each by `test_answers_are_as_described`."""
    found = []
    for _, method, operation in OPERATIONS:
        name = operation["operationId"]
        parameters = [each["name"] for each in operation.get("parameters", ())]
        takes_nothing = method == "get" and not parameters
        repeats = takes_nothing or "filters" in parameters or name.startswith(SAME)
        if repeats and not name.endswith(WHOLE):
            found.append(name)
    # As an option each they would be looked through for each operation again and again.
    one = f"--exclude-operation-id-regex=^({'|'.join(found)})$"
    return [] if THOROUGH else [one]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_daemon(tmp_path_factory.mktemp("openapi")) as world:
        yield world


def ask(
    world: World, method: str, path: str, id_: str = "1", **options: Any
) -> requests.Response:
    """An operation about the records with this id."""
    path = re.sub(r"\{(\w+_)?id\}", id_, path)
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
    """Each `GET`, and each `DELETE` of what is not there, has a status, a type and a
    body that the document has, and an object's fields are all described."""
    for path, method, operation in OPERATIONS:
        if method not in ("get", "delete"):
            continue
        ids = IDS if "{" in path else ("",)
        for id_ in ids[method == "delete" :]:
            answer = ask(world, method, path, id_, auth=("admin", world.password))
            _require_as_described(operation, answer, (path, method))


def _require_as_described(
    operation: Any, answer: requests.Response, route: tuple[str, str]
) -> None:
    """Fail unless an operation's document has its answer."""
    status = str(answer.status_code)
    place: tuple[str, ...] = "paths", *route, "responses", status
    described = operation["responses"].get(status)
    assert described is not None, (route, status, answer.text)
    if "$ref" in described:
        name = described["$ref"].rpartition("/")[2]
        place = "components", "responses", name
        described = DOCUMENT["components"]["responses"][name]
    if "content" not in described:
        assert not answer.content, route
        return
    kind = answer.headers["content-type"].partition(";")[0]
    schema = described["content"][kind]["schema"]
    if kind == "application/json":
        _validator((*place, "content", kind, "schema")).validate(answer.json())
        _require_described(schema, answer.json(), route[0])


def _validator(place: Sequence[str]) -> Any:
    """One for the schema at a place of the document, which is compiled but once."""
    steps = (each.replace("~", "~0").replace("/", "~1") for each in place)
    reference = f"{_NAME}#/{quote('/'.join(steps))}"
    return jsonschema_rs.validator_for({"$ref": reference}, registry=_REGISTRY)


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
