"""Every setting that administrators can make is honoured, or says that it is not."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import pexschedd
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model.fields.declaration import Declared
from pexschedd.model.fields.validation import is_writable

PACKAGE = Path(pexschedd.__file__).parent

KEPT = {
    "ms_exchange_connector.description": "notes, for people",
    "scheduled_alias.alias_number": "a part of `numeric_alias`, for clients",
    "identity_provider_group.description": "notes, for people",
    "conference.sync_tag": "for the program that maintains the room",
    "conference_alias.description": "notes, for people",
    **{
        f"end_user.{name}": "for clients that list the users"
        for name in (
            "title",
            "department",
            "telephone_number",
            "mobile_number",
            "avatar_url",
            "ms_exchange_guid",
            "sync_tag",
        )
    },
    "ca_certificate.trusted_intermediate": "a note, for clients",
    "end_user.description": "notes, for people",
    **{
        f"mjx_google_deployment.{name}": "Google is not read, as each save says"
        for name in (
            "client_email",
            "use_user_consent",
            "maximum_number_of_api_requests",
        )
    },
}
"""Fields that are there to be read by clients of the API, and by nothing else."""


def product_sources() -> list[Path]:
    outside = ("model", "sandbox", "demo")
    return [
        path
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in outside
    ]


def read_names() -> tuple[set[str], list[re.Pattern[str]]]:
    """Names that code outside the declarations reads: attributes, or texts that name
    them, some of which are put together."""
    names: set[str] = set()
    patterns = []
    for path in product_sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                names.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
            elif isinstance(node, ast.JoinedStr) and len(node.values) > 1:
                parts = [
                    re.escape(str(part.value))
                    if isinstance(part, ast.Constant)
                    else "[a-z_]+"
                    for part in node.values
                ]
                if parts[0].startswith("addin_"):
                    patterns.append(re.compile("".join(parts)))
    return names | names_in_scripts(), patterns


def names_in_scripts() -> set[str]:
    """Texts of the pane that its scripts name, without what all of them begin with;
    a card has a heading and a message."""
    named = {
        name
        for path in (PACKAGE / "web" / "static").glob("pane*.js")
        for name in re.findall(r"'([a-z_]+)'", path.read_text("utf-8"))
    }
    parts = {f"{name}{part}" for name in named for part in ("", "_heading", "_message")}
    return {f"addin_pane_{name}" for name in parts}


def writable_fields() -> list[tuple[AnyResource, Declared]]:
    return [
        (resource, declared)
        for resource in CONFIGURATION.values()
        if resource.writable
        for declared in resource.fields.values()
        if is_writable(declared)
    ]


def test_every_setting_is_honoured_or_says_so() -> None:
    """Each writable field is read by some code, is refused when it is set, has no
    meaning without one that is refused, or is kept for clients on purpose."""
    names, patterns = read_names()
    unread = [
        name
        for resource, declared in writable_fields()
        if not (declared.field.unsupported or declared.field.only_with)
        and declared.name not in names
        and not any(p.fullmatch(declared.name) for p in patterns)
        and (name := f"{resource.name}.{declared.name}") not in KEPT
    ]
    assert not unread


def test_what_is_kept_is_there() -> None:
    """The fields that are kept for clients exist, and are not refused."""
    found = {f"{r.name}.{d.name}": d.field for r, d in writable_fields()}
    for name in KEPT:
        assert not found[name].unsupported, name
        assert not found[name].only_with, name


@pytest.mark.parametrize("resource", CONFIGURATION.values(), ids=list(CONFIGURATION))
def test_references_lead_somewhere(resource: Any) -> None:
    """A reference is to a resource that this installation has, or is refused."""
    for name, declared in resource.fields.items():
        field = declared.field
        if field.related and is_writable(declared):
            assert field.related in CONFIGURATION or field.unsupported, name


def test_dependent_fields_depend_on_a_refused_one() -> None:
    """A field that has no meaning yet names the field that is refused."""
    for resource, declared in writable_fields():
        if declared.field.only_with:
            other = resource.fields[declared.field.only_with]
            assert other.field.unsupported, declared.name
            assert not declared.field.unsupported, declared.name
