"""Manifests that Microsoft's schema takes and Outlook does not."""

from collections.abc import Callable

import pytest
from lxml import etree
from lxml.etree import _Element

from pexschedd.web.addin.manifest.builder import build_manifest
from pexschedd.web.addin.manifest.rules import manifest_problems
from tests.web_addin.addin_support import CONNECTOR
from tests.web_addin.manifest_support import BASE, TYPES, V1_0, V1_1, built


def first(root: _Element, tag: str) -> _Element:
    found = next(root.iter(tag))
    assert isinstance(found, _Element)
    return found


def renamed(root: _Element, tag: str, attribute: str, value: str) -> None:
    first(root, tag).set(attribute, value)


def with_app_domain(value: str) -> Callable[[_Element], None]:
    def change(root: _Element) -> None:
        etree.SubElement(root, f"{BASE}AppDomain").text = value

    return change


def doubled(root: _Element) -> None:
    resource = first(root, f"{TYPES}String")
    resource.addnext(etree.fromstring(etree.tostring(resource)))


def without_80(root: _Element) -> None:
    images = first(root, f"{V1_1}Icon")
    images.remove(images[-1])


def shared_folders_too_early(root: _Element) -> None:
    factor = first(root, f"{V1_0}DesktopFormFactor")
    etree.SubElement(factor, f"{V1_0}SupportsSharedFolders").text = "true"


def second_group(root: _Element) -> None:
    group = first(root, f"{V1_1}Group")
    group.addnext(etree.fromstring(etree.tostring(group)))


def with_override(locale: str, value: str) -> Callable[[_Element], None]:
    def change(root: _Element) -> None:
        name = first(root, f"{BASE}DisplayName")
        for _ in range(2):
            etree.SubElement(name, f"{BASE}Override", Locale=locale, Value=value)

    return change


def with_function(root: _Element) -> None:
    action = first(root, f"{V1_1}Action")
    etree.SubElement(action, f"{V1_1}FunctionName").text = "addRoom"


BROKEN: dict[str, tuple[Callable[[_Element], object], str]] = {
    "three parts": (
        lambda r: setattr(first(r, f"{BASE}Version"), "text", "1.0.1"),
        "Version",
    ),
    "dangling": (
        lambda r: renamed(r, f"{V1_0}Label", "resid", "nowhere"),
        "is missing",
    ),
    "wrong kind": (
        lambda r: renamed(r, f"{V1_0}Label", "resid", "paneUrl"),
        "which is no String",
    ),
    "long for short": (
        lambda r: renamed(r, f"{V1_1}Title", "resid", "supertipText"),
        "no short string",
    ),
    "defined twice": (doubled, "defined 2 times"),
    "no 80": (without_80, "has the sizes"),
    "odd size": (lambda r: renamed(r, f"{TYPES}Image", "size", "17"), "has the sizes"),
    "http": (
        lambda r: renamed(r, f"{TYPES}Url", "DefaultValue", "http://a.test/"),
        "https URL",
    ),
    "relative": (
        lambda r: renamed(r, f"{BASE}IconUrl", "DefaultValue", "/icon.png"),
        "https URL",
    ),
    "blank": (
        lambda r: renamed(r, f"{BASE}SourceLocation", "DefaultValue", "https://a/ b"),
        "https URL",
    ),
    "long": (
        lambda r: renamed(
            r, f"{BASE}SourceLocation", "DefaultValue", "https://a/" + "x" * 2018
        ),
        "longer than",
    ),
    "domain with path": (with_app_domain("https://a.test/x"), "AppDomain"),
    "domain with slash": (with_app_domain("https://a.test/"), "AppDomain"),
    "wildcard": (with_app_domain("https://*.a.test"), "AppDomain"),
    "http domain": (with_app_domain("http://a.test"), "AppDomain"),
    "second group": (second_group, "is used 2 times"),
    "shared folders in 1.0": (shared_folders_too_early, "overrides 1.0"),
    "empty text": (
        lambda r: renamed(r, f"{TYPES}String", "DefaultValue", "\u200b"),
        "is empty",
    ),
    "UTF-16": (
        lambda r: renamed(r, f"{BASE}Description", "DefaultValue", "\U0001f3a5" * 126),
        "250 UTF-16 units",
    ),
    "empty translation": (with_override("de-DE", " "), "is empty"),
    "two translations": (with_override("de-DE", "x"), "de-DE is there 2 times"),
    "no page of commands": (with_function, "no FunctionFile"),
    "too large": (
        lambda r: setattr(first(r, f"{BASE}ProviderName"), "text", "x" * 262144),
        "larger than 256 KB",
    ),
}


@pytest.mark.parametrize(("change", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_what_the_schema_does_not_see(
    change: Callable[[_Element], object], words: str
) -> None:
    """Each defect that makes Outlook refuse a manifest is found."""
    root = built()
    change(root)
    problems = manifest_problems(etree.tostring(root))
    assert any(words in problem for problem in problems), problems


def test_a_good_manifest_has_no_problems() -> None:
    """The checks find nothing in what is built."""
    assert manifest_problems(build_manifest(CONNECTOR, "a1")) == []
