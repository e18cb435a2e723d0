"""Faults for which Outlook refuses a manifest that Microsoft's schema accepts. Pure.

Every manifest is checked before it is handed out.
"""

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from lxml.etree import XMLParser, _Element, fromstring

from pexschedd.model.blank_text import is_blank
from pexschedd.model.integration.manifest_labels import utf16_length

MAX_MANIFEST = 256 * 1024
MAX_URL = 2018
"""Characters: the least of the limits that Microsoft names."""

_VERSION = re.compile(r"\d{1,5}(?:\.\d{1,5}){3}")
_ICON_SIZES = {"16", "20", "24", "32", "40", "48", "64", "80"}
_NEEDED_SIZES = {"16", "32", "80"}
_KIND_OF_REFERENCE = {
    "Image": "Image",
    "SourceLocation": "Url",
    "FunctionFile": "Url",
    "Label": "String",
    "Title": "String",
    "Description": "String",
}
_SHORT = {"Label", "Title"}
_TEXTS = {"ProviderName": 125, "DisplayName": 125, "Description": 250, "String": 250}
"""Elements with a text for people, and the UTF-16 units that it may have."""


def manifest_problems(xml: bytes) -> list[str]:
    """Return the faults of a manifest; none if the list is empty."""
    if len(xml) > MAX_MANIFEST:
        return [f"The manifest is larger than {MAX_MANIFEST // 1024} KB."]
    root = fromstring(xml, XMLParser(resolve_entities=False, no_network=True))
    return [
        *_version(root),
        *_urls(root),
        *_app_domains(root),
        *_texts(root),
        *(problem for block in _blocks(root) for problem in _block(block)),
    ]


def _named(root: _Element, name: str) -> Iterator[_Element]:
    return root.iter(f"{{*}}{name}")


def _name(element: _Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _blocks(root: _Element) -> Iterator[_Element]:
    return _named(root, "VersionOverrides")


def _version(root: _Element) -> Iterator[str]:
    for version in _named(root, "Version"):
        if not _VERSION.fullmatch(version.text or ""):
            yield f"Version {version.text} does not have four parts of up to 5 digits."


def _urls(root: _Element) -> Iterator[str]:
    addresses = ("SourceLocation", "IconUrl", "HighResolutionIconUrl", "SupportUrl")
    for element in root.iter("{*}*"):
        value = element.get("DefaultValue")
        if value is None:
            continue
        name = _name(element)
        resource = name in ("Image", "Url") and element.get("id")
        if not (name in addresses or resource):
            continue
        if not value.startswith("https://") or not _is_url(value):
            yield f"{name}: {value!r} is not an absolute https URL."
        elif len(value) > MAX_URL:
            yield f"{name}: the URL is longer than {MAX_URL} characters."


def _is_url(value: str) -> bool:
    if not value.isascii() or not value.isprintable() or " " in value:
        return False
    try:
        split = urlsplit(value)
        return bool(split.hostname) and split.port != 0 and "@" not in split.netloc
    except ValueError:
        return False


def _app_domains(root: _Element) -> Iterator[str]:
    for element in _named(root, "AppDomain"):
        value = element.text or ""
        split = urlsplit(value)
        bare = value == f"{split.scheme}://{split.netloc}"
        if split.scheme != "https" or not bare or "*" in value:
            yield f"AppDomain {value!r} is not just https, a host and a port."


def _texts(root: _Element) -> Iterator[str]:
    """Texts that are empty, or longer than Outlook's clients count; languages that are
    there twice."""
    for element in root.iter(*(f"{{*}}{name}" for name in _TEXTS)):
        name = _name(element)
        limit = _text_limit(element)
        if not limit:
            continue
        value = element.get("DefaultValue", element.text or "")
        others = [each for each in element if _name(each) == "Override"]
        for text in (value, *(each.get("Value", "") for each in others)):
            if is_blank(text):
                yield f"{name}: a text is empty."
            elif utf16_length(text) > limit:
                yield f"{name}: a text is longer than {limit} UTF-16 units."
        for locale, times in Counter(each.get("Locale") for each in others).items():
            if times > 1:
                yield f"{name}: {locale} is there {times} times."


def _text_limit(element: _Element) -> int:
    """The UTF-16 units that the text of an element may have; 0 if it is no text."""
    name, parent = _name(element), element.getparent()
    if name == "String" and parent is not None:
        return 125 if _name(parent) == "ShortStrings" else _TEXTS[name]
    if parent is None or _name(parent) != "OfficeApp":
        return 0
    return _TEXTS.get(name, 0)


def _block(block: _Element) -> Iterator[str]:
    """One block of overrides: its resources, references, icons and ids."""
    inner = {e for each in _blocks(block) if each is not block for e in each.iter()}
    own = [e for e in block.iter("{*}*") if e not in inner]
    resources = [
        e for e in own if e.get("id") and _name(e) in ("Image", "Url", "String")
    ]
    kinds = {e.get("id"): e for e in resources}
    for resid, times in Counter(e.get("id") for e in resources).items():
        if times > 1:
            yield f"The resource {resid} is defined {times} times."
    for element in own:
        resid = element.get("resid")
        if resid is None:
            continue
        target = kinds.get(resid)
        wanted = _KIND_OF_REFERENCE.get(_name(element), "")
        if target is None:
            yield f"{_name(element)} refers to the resource {resid}, which is missing."
        elif wanted and _name(target) != wanted:
            yield f"{_name(element)} refers to {resid}, which is no {wanted}."
        elif _name(element) in _SHORT and _name(_parent(target)) != "ShortStrings":
            yield f"{_name(element)} refers to {resid}, which is no short string."
    for icon in (e for e in own if _name(e) == "Icon"):
        sizes = {str(image.get("size")) for image in icon}
        if not sizes >= _NEEDED_SIZES or not sizes <= _ICON_SIZES:
            yield f"The icon has the sizes {', '.join(sorted(sizes))}."
    ids = Counter(e.get("id") for e in own if _name(e) in ("Group", "Control"))
    for identifier, times in ids.items():
        if times > 1:
            yield f"The id {identifier} is used {times} times."
    yield from _functions(own)
    if "1.1" not in str(block.tag):
        for element in own:
            if _name(element) == "SupportsSharedFolders":
                yield "SupportsSharedFolders is in the overrides 1.0."


def _functions(own: list[_Element]) -> Iterator[str]:
    """Commands need a page that has their functions."""
    commands = [each for each in own if _name(each) == "FunctionName"]
    if commands and not any(_name(each) == "FunctionFile" for each in own):
        yield "A command has no FunctionFile."


def _parent(element: _Element) -> _Element:
    parent = element.getparent()
    assert parent is not None  # noqa: S101 - only the root has none
    return parent
