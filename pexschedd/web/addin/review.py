"""Notes on an integration's texts, and the check that a manifest can be made. Pure."""

from collections.abc import Iterable, Iterator

from pexschedd.errors import InvalidFields
from pexschedd.management.save_notes import SaveNote
from pexschedd.model.fields.declaration import Record, fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.manifest_labels import (
    LIMITS,
    is_cut,
    translations,
    utf16_length,
)
from pexschedd.model.integration.pane_texts import THEIRS
from pexschedd.model.integration.pane_texts import translations as pane_translations
from pexschedd.web.addin.manifest.builder import build_manifest
from pexschedd.web.addin.msal.commands import MISSING
from pexschedd.web.addin.sanitiser import pane_html

_ANY_ICON = "0" * 12


def review(record: Record, *, has_msal: bool = True) -> list[SaveNote]:
    """Return the notes on a record that is about to be saved.

    Raises `InvalidFields` for an integration of which no manifest can be made, and for
    one that uses nested app authentication unless `has_msal`.
    """
    if not isinstance(record, Connector):
        return []
    if record.addin_authentication_method == "NAA_TOKEN" and not has_msal:
        raise InvalidFields({"addin_authentication_method": [MISSING]})
    build_manifest(record, _ANY_ICON)
    return text_notes(record)


def text_notes(connector: Connector) -> list[SaveNote]:
    """Return the notes on the texts that people do not get to see as they are."""
    return [*_cut(connector), *_removed(connector)]


def _cut(connector: Connector) -> Iterator[SaveNote]:
    for name in LIMITS:
        text = getattr(connector, name)
        if is_cut(name, text):
            yield SaveNote(name, _too_long(name, text))
    for each in translations(connector.addin_label_translations):
        if is_cut(each.field, each.text):
            text = f"{each.locale} {each.field}: {_too_long(each.field, each.text)}"
            yield SaveNote("addin_label_translations", text)


def _too_long(name: str, text: str) -> str:
    length = utf16_length(text.strip())
    return (
        f"Outlook takes {LIMITS[name]} characters here, and this has {length} as "
        "Outlook counts them: the manifest has its beginning, up to a word's end."
    )


def _removed(connector: Connector) -> Iterator[SaveNote]:
    for name in (each for each in fields_of(Connector) if each in THEIRS):
        parts = pane_html(name, getattr(connector, name)).removed
        if parts:
            yield SaveNote(name, _not_shown(parts))
    for each in pane_translations(connector.addin_pane_translations):
        if each.name not in THEIRS:
            continue
        parts = pane_html(each.name, each.text).removed
        if parts:
            text = f"{each.language} {each.name}: {_not_shown(parts)}"
            yield SaveNote("addin_pane_translations", text)


def _not_shown(parts: Iterable[str]) -> str:
    return f"The pane does not show this part of the text: {', '.join(parts)}."
