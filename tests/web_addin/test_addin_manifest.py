"""The manifest: by Microsoft's schema where it is at hand, and by what it shows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element
from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.identity.exchange_token import addin_url
from pexschedd.model.blank_text import is_blank
from pexschedd.model.integration.connector import Connector, manifest_changes
from pexschedd.model.integration.manifest_labels import (
    LIMITS,
    is_cut,
    utf16_length,
    xml_text,
)
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.manifest.builder import (
    COMMAND,
    build_manifest,
    manifest_version,
)
from pexschedd.web.addin.manifest.rules import manifest_problems
from tests.schemas import MANIFEST, needed_schema
from tests.web_addin.addin_support import CONNECTOR
from tests.web_addin.manifest_support import BASE, TYPES, V1_0, V1_1, built

PANE = addin_url("vc.example.test", 1)


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return needed_schema(MANIFEST)


def values(root: _Element, tag: str) -> list[str | None]:
    return [element.get("DefaultValue") for element in root.iter(tag)]


HOSTILE = {
    "quotes": '"It\'s" <b>&amp;</b> ]]> & more',
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 40,
    "right to left": "\u202b\u0627\u062c\u062a\u0645\u0627\u0639\u202c \u05e4\u05d2",
    "250 characters": "x" * 250,
    "250 in words": ("meeting " * 40)[:250],
    "250 emoji": "\U0001f3a5" * 250,
    "combining": "a" + "\u0301" * 249,
    "control characters": "a\x00b\x1f\x7f\u2028\ufffe\U0010ffff",
    "lone surrogate": "a\ud800b\udc00",
    "only a lone surrogate": "\ud83d",
    "empty": "",
    "invisible": "\u200b \u2060",
}
TEXTS = list(LIMITS)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_schema_accepts_hostile_texts(schema: etree.XMLSchema, text: str) -> None:
    """Whatever an integration's texts are, also those of an old record, the manifest is
    valid by Microsoft's schema and by the rules that it cannot express."""
    for more in ({}, {"enable_addin_command": True}):
        root = built(**dict.fromkeys(TEXTS, text), **more)
        schema.assertValid(root)
        assert manifest_problems(etree.tostring(root)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"addin_manifest_permissions": "ReadWriteItem", "manifest_revision": 123456},
        {"addin_server_domain": "vc.example.test:8443"},
        {"enable_addin_command": True, "addin_default_locale": "zh-Hant-TW"},
        {
            "addin_authentication_method": "SSO_TOKEN",
            "addin_application_id": "5F0C6E9A-0000-4000-8000-0123456789AB",
        },
        {
            "addin_display_name": "Räume & \"Gäste\" <b> 'x' \U0001f3a5 \u200fعربي",
            "addin_button_label": "x" * 125,
            "addin_supertip_description": "\U0001f3a5" * 125,
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


def test_translations(schema: etree.XMLSchema) -> None:
    """A translated text is in each part that has the text; others stay as they are."""
    lines = [
        "de-DE addin_display_name = Räume & mehr",
        "nb-NO  addin_button_label=Lag et møterom = nå",
        "de-DE addin_button_label = " + "Wort " * 40,
        "",
        "ar-SA addin_supertip_description = اجتماع",
        "xx nothing of this kind",
    ]
    root = built(addin_label_translations="\r\n".join(lines))
    schema.assertValid(root)

    def overrides(tag: str, resid: str = "") -> list[tuple[str | None, str | None]]:
        return [
            (each.get("Locale"), each.get("Value"))
            for element in root.iter(tag)
            if not resid or element.get("id") == resid
            for each in element
        ]

    assert overrides(f"{BASE}DisplayName") == [("de-DE", "Räume & mehr")]
    assert overrides(f"{BASE}Description") == []
    button = [
        ("nb-NO", "Lag et møterom = nå"),
        ("de-DE", ("Wort " * 25).strip() + "…"),
    ]
    assert overrides(f"{TYPES}String", "buttonLabel") == button * 2
    tip = [("ar-SA", "اجتماع")]
    assert overrides(f"{TYPES}String", "supertipText") == tip * 2


def test_the_command_is_a_second_button() -> None:
    """Only where it is wanted, in both blocks of overrides, with a page of its own."""
    plain, root = built(), built(enable_addin_command=True, manifest_revision=4)
    assert not list(plain.iter(f"{V1_1}FunctionName", f"{V1_1}FunctionFile"))
    page = PANE.replace("/addin", "/commands") + "?m=4"
    assert values(root, f"{TYPES}Url") == [f"{PANE}?m=4", page] * 2
    for block in (V1_0, V1_1):
        factor = next(root.iter(f"{block}DesktopFormFactor"))
        names = [str(each.tag).rpartition("}")[2] for each in factor]
        assert names[-2:] == ["FunctionFile", "ExtensionPoint"]
        assert [c.get("id") for c in factor.iter(f"{block}Control")] == [
            "openPane",
            COMMAND,
        ]
        assert factor.findtext(f".//{block}FunctionName") == COMMAND


def test_web_application_info_is_for_sso_alone() -> None:
    """The part that breaks some installations is there for the method that needs it."""
    tag = f"{V1_1}WebApplicationInfo"
    application = "5f0c6e9a-0000-4000-8000-0123456789ab"
    own = {"addin_application_id": application.upper()}
    for method in ("EXCHANGE_USER_ID_TOKEN", "NAA_TOKEN"):
        root = built(addin_authentication_method=method, **own)
        assert not list(root.iter(tag))
    (found,) = built(addin_authentication_method="SSO_TOKEN", **own).iter(tag)
    assert [each.text for each in found][:2] == [
        application,
        f"api://vc.example.test/{application}",
    ]
    with pytest.raises(InvalidFields, match="GUID"):
        built(addin_authentication_method="SSO_TOKEN", addin_application_id="x")


def test_what_the_parts_say() -> None:
    """Identity, version, permissions, and the address that tokens are made out to."""
    root = built(manifest_revision=20007)
    assert root.findtext(f"{BASE}Id") == CONNECTOR.uuid.lower()
    assert root.findtext(f"{BASE}Version") == "1.1.2.7"
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


APPLICATION = "5f0c6e9a-0000-4000-8000-0123456789ab"
SSO = {
    "addin_authentication_method": "SSO_TOKEN",
    "addin_application_id": APPLICATION,
}


@pytest.mark.parametrize(
    ("before", "change", "fields"),
    [
        ({}, {"addin_authentication_method": "NAA_TOKEN"}, []),
        ({}, {"addin_application_id": APPLICATION}, []),
        ({}, SSO, ["addin_authentication_method", "addin_application_id"]),
        (SSO, {"addin_application_id": APPLICATION.upper()}, []),
        ({}, {"addin_command_label": "x"}, []),
        (
            {"enable_addin_command": True},
            {"addin_command_label": "x"},
            ["addin_command_label"],
        ),
        (
            {},
            {"enable_addin_command": True},
            ["enable_addin_command"],
        ),
        ({}, {"addin_default_locale": "de-DE"}, ["addin_default_locale"]),
        ({}, {"addin_pane_title": "x"}, []),
    ],
)
def test_changes_that_the_manifest_shows(
    before: dict[str, str], change: dict[str, str], fields: list[str]
) -> None:
    """A field counts as changed exactly if another manifest comes of it."""
    old = replace(CONNECTOR, **before)
    new = replace(old, **change)
    assert manifest_changes(old, new) == fields
    assert (build_manifest(old, "a1") == build_manifest(new, "a1")) == (not fields)


def test_versions_grow() -> None:
    """A later revision is a higher version, compared part by part."""
    versions = [
        [int(part) for part in manifest_version(revision).split(".")]
        for revision in (1, 2, 9999, 10000, 10001, 99999, 100000, 99999999)
    ]
    assert versions == sorted(versions)
    assert all(len(version) == 4 for version in versions)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 126, "x" * 124 + "…"),
        ("meeting " * 16, "meeting " * 14 + "meeting…"),
        ("\U0001f3a5" * 63, "\U0001f3a5" * 62 + "…"),
        ("x" * 123 + "e\u0301\u0302y", "x" * 123 + "…"),
        ("", CONNECTOR.addin_button_label),
        ("a\nb", "a b"),
        ("\ud800", CONNECTOR.addin_button_label),
    ],
)
def test_texts_are_made_to_fit(text: str, shown: str) -> None:
    """A text that is too long ends at a word, one that is empty is the default."""
    root = built(addin_button_label=text)
    found = [
        e.get("DefaultValue")
        for e in root.iter(f"{TYPES}String")
        if e.get("id") == "buttonLabel"
    ]
    assert found == [shown] * 2


@pytest.mark.parametrize("domain", ["a b", "a@b", "é.test", "a:b", ""])
def test_a_server_that_is_none(domain: str) -> None:
    """No manifest is built around an address that no client can open."""
    with pytest.raises(InvalidFields, match="https URL"):
        built(addin_server_domain=domain)


@given(st.text(max_size=260) | st.text("a\U0001f3a5\u0301\u200d \ud800", max_size=260))
def test_any_text(text: str) -> None:
    """A text that fits is in the manifest unchanged, of another there is a part."""
    (name,) = values(built(addin_display_name=text), f"{BASE}DisplayName")
    assert name is not None
    assert 1 <= utf16_length(name) <= 125
    clean = xml_text(text) is None and not is_blank(text)
    if clean and not is_cut("addin_display_name", text):
        assert name == text.strip()
    elif clean:
        assert name.endswith("…")
        assert text.strip().startswith(name[:-1])


@given(st.lists(st.text(max_size=260), min_size=len(TEXTS), max_size=len(TEXTS)))
def test_any_texts_make_a_manifest(schema: etree.XMLSchema, texts: list[str]) -> None:
    """With any texts, the schema and the other rules find nothing wrong."""
    lines = [f"de-DE {name} = {text}" for name, text in zip(TEXTS, texts, strict=True)]
    changes: dict[str, object] = dict(zip(TEXTS, texts, strict=True))
    root = built(
        **changes,
        enable_addin_command=True,
        addin_label_translations="\n".join(lines),
    )
    schema.assertValid(root)
    assert manifest_problems(etree.tostring(root)) == []


def test_the_files_manifest_names_the_current_icon(tmp_path: Path) -> None:
    """The icon's revision is in the addresses of the downloaded manifest."""
    files = ConnectorFiles(tmp_path)
    connector: Connector = CONNECTOR
    assert f"?r={files.icon_revision(connector)}".encode() in files.manifest(connector)
