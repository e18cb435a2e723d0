"""Hooks of schemathesis: requests that do no harm, and what is no failure.

The document says what a client should send. The API takes more, and refuses some of
what no schema can rule out, such as a name that another record has. Both are listed
here, so that everything else is found.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

ROOT = Path(__file__).resolve().parents[2]
OWN_ID = 1
"""The administrator in whose name the requests are sent."""
SEEDS = 3
"""Records of each resource that are there from the beginning, and stay."""
NOWHERE = "127.0.0.1:9"

_DOCUMENTS = ("/api/admin/command/v1/configuration/", "/api/admin/command/v1/csv/")
"""Addresses that take whole configurations and tables: these have to mean something."""
_DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
_DIGITS = re.compile(r"-?[0-9]{1,15}$")
_URL = re.compile(r"(?i)^(https?)://[^/?#]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_HOSTS = ("domain", "addin_server_domain", "kerberos_kdc")
_REFERENCE = re.compile(r"((?:/api/admin/configuration/v1/\w+/)?)([1-9][0-9]*)(/?)")
_ADMINISTRATORS = "/api/admin/configuration/v1/administrator/"

BEYOND_SCHEMAS = tuple(
    map(
        re.compile,
        (
            # other records
            r"^There is no \w+ [0-9]+\.$",
            r"^This is in use already",
            r" already\.",
            r"^One administrator with the role Full ",
            r"^An administrator can have ",
            r"^There can be ",
            r"^The alias .* in its invitation",
            # fields that go together
            r"^This is required (when|with|for|in) ",
            r"^This must be after ",
            r"^Guests are not allowed",
            r"^With this change the stored ",
            r"^Users need one kind of room at least",
            r"^Without guests ",
            r"^A profile (needs the deployment|has one deployment)",
            r"^The rules of a profile go with it",
            r"^Rules of the type \w+ need",
            r"^This endpoint (is of the type|has no profile)",
            r"^Enter (the|a) ",
            r"^Send the invitation as one of ",
            r"^Give either a profile or rules",
            r"^(Object|Expected) ",  # rules that are no rules
            r"^Guests and hosts need different PINs",
            r"^Both PINs need the same length",
            # texts that have to mean something
            r"^This must be a time( such as|: 2026)",  # 30 February
            r"regular expression",
            r"^The template must use ",
            r"^[Ll]ine [0-9]+: ",
            r"^This may not be empty\.$",  # of blanks that JSON schemas do not know
            r"^This must be (a URL|a host name|an e-mail address|an origin)",
            r"^This must be (the application's id|an OpenID configuration)",
            r"^This must (end with|have your tenant's|name your tenant)",
            r"^This must be in the future",
            r"^This must be a domain such as",
            r"^Plain http is accepted on loopback",
            r"^The port must be ",
            r"^This must be a language and a country ",
            r"^This is not (a certificate|base64)",
            r"^The (icon|package) ",
            r"^There are [0-9]+ or more other problems",
            r"^Control characters are not accepted here",  # of long texts
        ),
    )
)
"""Reasons to refuse what a schema allows."""


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Keep the daemon from asking other machines, and the run from locking itself
    out."""
    is_positive = case.meta is None or case.meta.generation.mode.is_positive
    path, method = case.operation.path, case.method.upper()
    if isinstance(case.body, dict | list):
        case.body = _harmless(case.body, path, is_positive=is_positive)
    numbers = case.path_parameters or {}
    for name in ("id", "connector_id", "deployment_id"):
        if isinstance(numbers.get(name), int) and is_positive:
            first = SEEDS + 1 if method == "DELETE" else 1
            numbers[name] = first + numbers[name] % SEEDS
    is_own = path.startswith(_ADMINISTRATORS) and str(numbers.get("id")) == str(OWN_ID)
    if is_own and method not in ("GET", "OPTIONS"):
        numbers["id"] = OWN_ID + 1
    if method == "DELETE" and "{" not in path and isinstance(case.query, dict):
        case.query["id__gt"] = str(SEEDS)


def _harmless(value: Any, path: str, *, is_positive: bool, key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: _harmless(each, path, is_positive=is_positive, key=name)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [
            _harmless(each, path, is_positive=is_positive, key=key) for each in value
        ]
    first = SEEDS + 1 if key == "deleted_objects" or path == _ADMINISTRATORS else 1
    if path == _ADMINISTRATORS and value in (1, "1", "1/"):
        return OWN_ID + 1
    if isinstance(value, str):
        if is_positive and len(value) > 1:
            value = _CONTROL.sub("", value) or "x"
        if key in _HOSTS and value and is_positive:
            return NOWHERE
        if key == "api_address" and value and is_positive:
            return NOWHERE.partition(":")[0]
        found = _REFERENCE.fullmatch(value)
        if found and is_positive and (found[1] or found[3]):
            return f"{found[1]}{first + int(found[2]) % SEEDS}{found[3]}"
        return _URL.sub(rf"\1://{NOWHERE}", value)
    return value


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Drop what is as it should be: see the module's docstring."""
    if isinstance(failure, RejectedPositiveData):
        return not _is_beyond_schemas(case, response)
    if isinstance(failure, AcceptedNegativeData):
        return not _is_lenient(case)
    return True


def _is_beyond_schemas(case: Any, response: Any) -> bool:
    """Whether all reasons that a refusal gives are beyond what a schema can say."""
    if response.status_code in (412, 422):
        return True
    if response.status_code != 400 or response.headers["content-type"] != [
        "application/json"
    ]:
        return str(case.operation.path).startswith("/admin/platform/")
    answer = response.json()
    if "error" in answer:
        # schemathesis takes the quotes around a tag for its own
        is_bare_tag = answer["error"].startswith(("The header If-", "The header Idem"))
        return is_bare_tag or answer["code"] in ("sign_in_failed", "not_while_running")
    if case.operation.path.startswith(_DOCUMENTS):
        return True
    reasons = [
        re.sub(r"^(\d+: |[a-z]\w*: )*", "", text)
        for problems in answer.values()
        for texts in problems.values()
        for text in texts
    ]
    return all(any(each.search(r) for each in BEYOND_SCHEMAS) for r in reasons)


def _is_lenient(case: Any) -> bool:
    """Whether the body is right once everything is spelt as the schema has it."""
    operation = _DOCUMENT["paths"][case.operation.path][case.method.lower()]
    content = operation.get("requestBody", {}).get("content", {})
    if not isinstance(case.body, dict) or "application/json" not in content:
        return False
    schema = content["application/json"]["schema"]
    whole = {**schema, "components": _DOCUMENT["components"]}
    body = case.body
    if isinstance(body.get("objects"), list):
        name = schema["$ref"].removesuffix("Bulk") + "Update"
        objects = [_spelt(each, {"$ref": name}) for each in body["objects"]]
        body = {**body, "objects": objects}
    spelt = _spelt(body, schema)
    return spelt != case.body and jsonschema_rs.is_valid(whole, spelt)


def _spelt(record: Any, schema: Any) -> Any:
    """A record with numbers, truth values and null in place of texts for them."""
    if not isinstance(record, dict):
        return record
    fields = _DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    spelt = {}
    for name, value in record.items():
        field = fields["properties"].get(name, {})
        types = field.get("type", ())
        is_text = "string" in types and re.search(field.get("pattern", ""), "")
        if value == "" and not is_text:
            value = None
        elif isinstance(value, str) and "integer" in types and _DIGITS.match(value):
            value = int(value)
        elif isinstance(value, str) and "boolean" in types:
            value = {"true": True, "false": False}.get(value.lower(), value)
        spelt[name] = value
    return spelt
