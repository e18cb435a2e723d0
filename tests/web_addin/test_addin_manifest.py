"""The manifest: by Microsoft's schema where it is at hand, and by what that misses."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element
from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.identity.exchange_token import addin_url
from pexschedd.model.integration.connector import Connector
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.manifest import build_manifest, manifest_version
from pexschedd.web.addin.manifest_check import manifest_problems
from tests.web_addin.addin_support import CONNECTOR

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = "{http://schemas.microsoft.com/office/appforoffice/1.1}"
TYPES = "{http://schemas.microsoft.com/office/officeappbasictypes/1.0}"
V1_0 = "{http://schemas.microsoft.com/office/mailappversionoverrides}"
V1_1 = "{http://schemas.microsoft.com/office/mailappversionoverrides/1.1}"
PANE = addin_url("vc.example.test", 1)


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    folder = Path(os.environ.get("PEXSCHEDD_SCHEMAS", REPOSITORY / "../shared/schemas"))
    path = folder / "manifest" / "OfficeAppManifestV1_1.xsd"
    if not path.exists():
        pytest.skip(f"no schema: {path} is missing")
    return etree.XMLSchema(etree.parse(path))


def built(**changes: object) -> _Element:
    return etree.fromstring(build_manifest(replace(CONNECTOR, **changes), "a1"))


def values(root: _Element, tag: str) -> list[str | None]:
    return [element.get("DefaultValue") for element in root.iter(tag)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"addin_manifest_permissions": "ReadWriteItem", "manifest_revision": 123456},
        {"addin_server_domain": "vc.example.test:8443"},
        {
            "addin_display_name": "Räume & \"Gäste\" <b> 'x' \U0001f3a5 \u200fعربي",
            "addin_button_label": "x" * 125,
            "addin_supertip_description": "\U0001f3a5" * 250,
        },
    ],
)
def test_the_schema_accepts_it(
    schema: etree.XMLSchema, changes: dict[str, object]
) -> None:
    """Microsoft's schema accepts what is built, and the texts arrive as they are."""
    root = built(**changes)
    schema.assertValid(root)
    name = changes.get("addin_display_name", CONNECTOR.addin_display_name)
    assert values(root, f"{BASE}DisplayName") == [name]


def test_what_the_parts_say() -> None:
    """Identity, version, permissions, and the address that tokens are made out to."""
    root = built(manifest_revision=20007)
    assert root.findtext(f"{BASE}Id") == CONNECTOR.uuid.lower()
    assert root.findtext(f"{BASE}Version") == "1.0.2.7"
    assert root.findtext(f"{BASE}Permissions") == "ReadWriteMailbox"
    # Form settings first: that is the audience. No query there, one in the overrides.
    assert values(root, f"{BASE}SourceLocation") == [PANE] * 3
    assert values(root, f"{TYPES}Url") == [f"{PANE}?m=20007"] * 2
    icon = PANE.replace("addin", "images/addin_icon_64.png?r=a1")
    assert values(root, f"{BASE}IconUrl") == [icon]
    assert values(root, f"{TYPES}Image").count(icon) == 2
    assert root.find(f".//{V1_0}SupportsSharedFolders") is None
    assert root.findtext(f".//{V1_1}SupportsSharedFolders") == "true"
    needed = [
        str(each.get("MinVersion", each.get("DefaultMinVersion")))
        for each in root.iter(f"{BASE}Set", f"{TYPES}Sets")
    ]
    assert needed == ["1.1", "1.3", "1.5"]


def test_versions_grow() -> None:
    """A later revision is a higher version, compared part by part."""
    versions = [
        [int(part) for part in manifest_version(revision).split(".")]
        for revision in (1, 2, 9999, 10000, 10001, 99999, 100000, 99999999)
    ]
    assert versions == sorted(versions)
    assert all(len(version) == 4 for version in versions)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("addin_display_name", "x" * 126),
        ("addin_provider_name", ""),
        ("addin_description", " "),
        ("addin_description", "x" * 251),
        ("addin_group_label", "a\nb"),
        ("addin_button_label", "\x00"),
        ("addin_supertip_title", "\ud800"),
        ("addin_supertip_description", "\uffff"),
    ],
)
def test_texts_that_do_not_fit(name: str, text: str) -> None:
    """A text the manifest cannot hold is refused with the field's name."""
    with pytest.raises(InvalidFields) as caught:
        built(**{name: text})
    assert list(caught.value.problems) == [name]


@pytest.mark.parametrize("domain", ["a b", "a@b", "é.test", "a:b", ""])
def test_a_server_that_is_none(domain: str) -> None:
    """No manifest is built around an address that no client can open."""
    with pytest.raises(InvalidFields, match="https URL"):
        built(addin_server_domain=domain)


@given(st.text(min_size=1, max_size=125))
def test_any_text(text: str) -> None:
    """Every text is either in the manifest unchanged, or refused by name."""
    problems: list[str] = []
    names: list[str | None] = []
    try:
        names = values(built(addin_display_name=text), f"{BASE}DisplayName")
    except InvalidFields as error:
        problems = list(error.problems)
    assert (names, problems) in (([text], []), ([], ["addin_display_name"]))


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


def test_the_files_manifest_names_the_current_icon(tmp_path: Path) -> None:
    """The icon's revision is in the addresses of the downloaded manifest."""
    files = ConnectorFiles(tmp_path)
    connector: Connector = CONNECTOR
    assert f"?r={files.icon_revision(connector)}".encode() in files.manifest(connector)
