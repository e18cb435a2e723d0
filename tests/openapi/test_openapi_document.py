"""The OpenAPI document: complete, valid, current, and as the API itself speaks."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis

from pexschedd.management.filters import filter_operators
from pexschedd.management.resources import BY_KIND, CONFIGURATION
from pexschedd.model.fields import addresses, pins
from pexschedd.model.fields.declaration import Field
from pexschedd.web.admin.openapi.__main__ import text
from pexschedd.web.admin.openapi.discovery import all_routes
from pexschedd.web.admin.openapi.document import SERVER, undescribed
from pexschedd.web.admin.openapi.names import all_resources, name_of
from pexschedd.web.admin.openapi.operation import (
    ApiAnswer,
    described,
    described_each,
    expansion_of,
    methods_at,
    nowhere,
)
from pexschedd.web.admin.openapi.patterns import pattern_of
from pexschedd.web.admin.schema import list_methods, record_methods

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "docs" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")

DOCUMENT: Any = json.loads(COMMITTED.read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    (path, method, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if method in METHODS
]


def test_every_handler_is_described() -> None:
    """A route that is added without a description does not pass."""
    assert not undescribed(all_routes())


def test_every_route_is_there() -> None:
    """Each rule of the API has its path, with each of its methods somewhere."""
    for route in all_routes():
        rule = re.sub(r"<(?:\w+:)?\w+>", r"[^/]+", route.url)
        found = {m for path, m, _ in OPERATIONS if re.fullmatch(rule, path)}
        wanted = {
            method
            for method, handler in route.handlers.items()
            if expansion_of(handler) is not nowhere
        }
        assert wanted <= found, route.url


def test_resources_have_their_methods() -> None:
    """Lists and records of each resource have the methods of `schema/`, no others."""
    for resources in BY_KIND.values():
        for resource in resources.values():
            for path, methods in (
                (resource.uri, list_methods(resource)),
                (f"{resource.uri}{{id}}/", record_methods(resource)),
                (f"{resource.uri}schema/", ("get",)),
            ):
                found = {*DOCUMENT["paths"][path]} - {"parameters"}
                assert found == {*methods}, path


def test_an_undescribed_route_is_named() -> None:
    """The check names method and rule of what has no description."""
    routes = all_routes()
    bare = type(routes[0])("/api/admin/new/", {"get": lambda request: b""})
    assert undescribed([*routes, bare]) == ["GET /api/admin/new/"]


def test_it_is_valid() -> None:
    """It is OpenAPI 3.1; all that it refers to is there, and ids are unique."""
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    whole = json.dumps(DOCUMENT)
    for reference in {*re.findall(r'"\$ref": "#/([^"]+)"', whole)}:
        place = DOCUMENT
        for part in reference.split("/"):
            place = place[part]
    ids = Counter(operation["operationId"] for _, _, operation in OPERATIONS)
    assert not [name for name, count in ids.items() if count > 1]
    flow = DOCUMENT["components"]["securitySchemes"]["oauth2"]["flows"]
    address = flow["clientCredentials"]["tokenUrl"]
    assert address.removeprefix(SERVER) in DOCUMENT["paths"]


def test_the_committed_document_is_current() -> None:
    """docs/openapi.json is what `python -m pexschedd.web.admin.openapi` writes."""
    assert COMMITTED.read_text() == text()


def test_everything_is_explained() -> None:
    """Each operation, tag, parameter and answer has words for a reader."""
    for path, method, operation in OPERATIONS:
        assert operation["summary"], (path, method)
        assert all(each["description"] for each in operation.get("parameters", ()))
    assert all(tag["description"] for tag in DOCUMENT["tags"])
    for path, operations in DOCUMENT["paths"].items():
        for parameter in operations.get("parameters", ()):
            assert parameter["description"], (path, parameter["name"])
    used = {tag for _, _, operation in OPERATIONS for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"]}


@pytest.mark.parametrize(
    "resource", [*all_resources()], ids=lambda each: f"{each.kind}-{each.name}"
)
def test_filters_are_those_of_the_schema(resource: Any) -> None:
    """Each filter of `schema/` is an argument of the list, and nothing else is."""
    schema = SCHEMAS[f"{name_of(resource)}Filters"]
    patterns = schema["patternProperties"]

    def is_there(name: str) -> bool:
        by_pattern = any(re.search(pattern, name) for pattern in patterns)
        return name in schema["properties"] or by_pattern

    assert schema["additionalProperties"] is False
    for name, operators in filter_operators(resource).items():
        assert is_there(name)
        for operator in operators:
            assert is_there(f"{name}__{operator}"), (name, operator)
        assert not is_there(f"{name}__like")


def test_secrets_are_only_written() -> None:
    """A secret is in no answer, and marked in what is sent; fields that the server sets
    are marked in answers."""
    for resource in CONFIGURATION.values():
        shown = SCHEMAS[name_of(resource)]["properties"]
        for name, declared in resource.fields.items():
            if declared.field.secret:
                assert name not in shown
                if resource.writable and not declared.field.readonly:
                    sent = SCHEMAS[f"{name_of(resource)}Create"]["properties"][name]
                    assert sent["writeOnly"] is True
            else:
                assert ("readOnly" in shown[name]) == declared.field.readonly


def test_limits_are_those_of_the_fields() -> None:
    """Ranges, lengths, choices, defaults and what is required come from the
    declarations; changes have no defaults, since a client would send them."""
    new = SCHEMAS["MsExchangeConnectorCreate"]
    changed = SCHEMAS["MsExchangeConnectorUpdate"]
    interval = new["properties"]["poll_interval"]
    declared = CONFIGURATION["ms_exchange_connector"].fields["poll_interval"]
    assert interval["minimum"] == declared.field.minimum
    assert interval["maximum"] == declared.field.maximum
    assert interval["default"] == declared.default
    assert new["properties"]["name"]["maxLength"] == 250
    assert new["properties"]["authentication_method"]["enum"][:2] == ["BASIC", "NTLM"]
    assert "name" in new["required"]
    assert "required" not in changed
    assert not [n for n, s in changed["properties"].items() if "default" in s]
    assert new["additionalProperties"] is False


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (
            addresses.http_url,
            [
                "https://mail.example.com/EWS/Exchange.asmx",
                "HTTPS://a.example:8443/x?y=%20z#part",
                "http://[::1]:8080",
                "http://127.0.0.1",
                "",
            ],
        ),
        (addresses.host, ["mail.example.com", "10.0.0.1", "[2001:db8::1]", "a_b."]),
        (addresses.host_and_port, ["mail.example.com:8443", "[::1]:88", ""]),
        (addresses.host_or_url, ["https://a.example/x", "a.example:443"]),
        (addresses.mail_address, ["o'neil+x@mail.example.com", "é@example.com", ""]),
        (addresses.identifier, ["urn:x:y", "https://a/b?c", ""]),
        (pins.pin, ["", "1234", "123#", "12345678901234567890"]),
    ],
)
def test_patterns_refuse_nothing_that_is_right(check: Any, values: list[str]) -> None:
    """A value that a field's check accepts is one for the document, too."""
    pattern = pattern_of(Field(checks=(check,)))["pattern"]
    for value in values:
        assert check(value) is None
        assert re.search(pattern, value), value


def test_patterns_refuse_what_is_wrong() -> None:
    """Control characters, blanks and other shapes are outside of the patterns."""
    line = pattern_of(Field(min_length=1))["pattern"]
    assert re.search(line, "Head office")
    assert not re.search(line, "a\x00b")
    assert not re.search(line, "   ")
    several = pattern_of(Field(multiline=True))["pattern"]
    assert re.search(several, "a\r\n\tb")
    pin = pattern_of(Field(checks=(pins.pin,)))["pattern"]
    assert not re.search(pin, "12")


def test_methods_follow_from_the_descriptions() -> None:
    """A path has the methods for which one of its rule's handlers is described."""

    @described("Read", answers={200: ApiAnswer("It.")})
    def read(request: object) -> bytes:
        return b""

    @described_each(nowhere)
    def refuse(request: object) -> bytes:
        return b""

    assert methods_at({"get": read, "put": refuse}, {"id": 1}) == ["get"]
