"""Notes on an integration that is saved, and the check that a manifest can be made.
Pure."""

from collections.abc import Iterable, Iterator

from pexschedd.errors import InvalidFields
from pexschedd.identity.access_token import authority_problem, tenant_in
from pexschedd.management.save_notes import Revision, SaveNote
from pexschedd.model import tables
from pexschedd.model.blank_text import is_blank
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector, manifest_changes
from pexschedd.model.integration.manifest_labels import (
    LIMITS,
    is_cut,
    translations,
    utf16_length,
)
from pexschedd.model.integration.pane_texts import THEIRS
from pexschedd.model.integration.pane_texts import translations as pane_translations
from pexschedd.web.addin.manifest.builder import build_manifest
from pexschedd.web.addin.msal.commands import GONE, MISSING
from pexschedd.web.addin.sanitiser import pane_html, text_of

_ANY_ICON = "0" * 12


def review(revision: Revision, *, has_msal: bool = True) -> list[SaveNote]:
    """Return the notes on a record that is about to be saved.

    Raises `InvalidFields` for an integration of which no manifest can be made, if the
    change is one of the manifest; and for one that is to use nested app authentication
    from now on, unless `has_msal`.
    """
    record = revision.record
    if not isinstance(record, Connector):
        return []
    notes = list(_library(record, revision, has_msal=has_msal))
    current = revision.current
    # Making one takes as long as everything else about a change together.
    if not isinstance(current, Connector) or manifest_changes(current, record):
        build_manifest(record, _ANY_ICON)
    _require_labels(record, revision)
    notes += _domains(record, revision)
    notes += _other_providers(record, revision)
    notes += _authority(record, revision)
    notes += (each for each in text_notes(record) if each.field in revision.sent)
    return notes


def _library(
    record: Connector, revision: Revision, *, has_msal: bool
) -> Iterator[SaveNote]:
    """Refuse the choice of a method whose library is missing.

    An integration that has the method already can still be changed: a library that has
    gone must not keep an administrator from everything else.
    """
    field = "addin_authentication_method"
    if has_msal or record.addin_authentication_method != "NAA_TOKEN":
        return
    current = revision.current
    if (
        isinstance(current, Connector)
        and current.addin_authentication_method == record.addin_authentication_method
    ):
        yield SaveNote(field, GONE, is_logged=True)
    else:
        raise InvalidFields({field: [MISSING]})


def _require_labels(record: Connector, revision: Revision) -> None:
    """Raise `InvalidFields` for buttons on which nothing could be read."""
    fields = fields_of(Connector)
    labels = {name for name in THEIRS if fields[name].field.min_length}
    empty = {
        name: [NO_LABEL]
        for name in labels & set(revision.sent)
        if not _can_be_read(name, getattr(record, name))
    }
    if "addin_pane_translations" in revision.sent:
        lines = [
            f"{each.language} {each.name}: {NO_LABEL}"
            for each in pane_translations(record.addin_pane_translations)
            if each.name in labels and not _can_be_read(each.name, each.text)
        ]
        empty |= {"addin_pane_translations": lines} if lines else {}
    if empty:
        raise InvalidFields(empty)


def _can_be_read(name: str, text: str) -> bool:
    return not is_blank(text_of(pane_html(name, text).html))


def _domains(record: Connector, revision: Revision) -> Iterator[SaveNote]:
    if record.addin_authentication_method != "EXCHANGE_USER_ID_TOKEN":
        return
    index = tables.DOMAIN_BY_CONNECTOR
    if any(revision.records.find_all(index, record.id)):
        return
    if record.uses_graph:
        field = "addin_authentication_method"
        yield SaveNote(field, NO_TOKENS_ONLINE, is_logged=True)
    else:
        yield SaveNote("domains", NO_DOMAIN, is_logged=True)


def _other_providers(record: Connector, revision: Revision) -> Iterator[SaveNote]:
    """Note that another provider can say who the users are, if this one is new."""
    ours, field = record.identity_provider, "personal_vmr_oauth_auth_endpoint"
    current = revision.current
    was = current.identity_provider if isinstance(current, Connector) else ""
    if not ours or (was == ours and field not in revision.sent):
        return
    for other in revision.records.all(tables.CONNECTOR):
        if other.id != record.id and other.identity_provider not in ("", ours):
            yield SaveNote(field, OTHER_PROVIDER.format(id=other.id), is_logged=True)
            return


def _authority(record: Connector, revision: Revision) -> Iterator[SaveNote]:
    """Note that the pane may ask for tokens that are refused, if that is new."""
    fields = (
        "addin_authentication_method",
        "addin_authority_url",
        "addin_oidc_metadata_url",
    )
    if record.addin_authentication_method != "NAA_TOKEN":
        return
    problem = authority_problem(
        record.addin_authority_url, tenant_in(record.addin_oidc_metadata_url)
    )
    if problem and not set(fields).isdisjoint(revision.sent):
        yield SaveNote(
            "addin_authority_url",
            f"{problem}. See docs/add-in-microsoft365.md.",
            is_logged=True,
        )


OTHER_PROVIDER = (
    "Integration {id} has another identity provider. Users are known by their "
    "addresses in all integrations, so each provider can sign in a user of any "
    "address who has not signed in at another one yet: both have to be trusted."
)
NO_LABEL = "Nothing can be read in this, and a button needs words."
NO_DOMAIN = (
    "No Exchange metadata domain is configured, so no user's identity token can be "
    "verified and nobody gets a room. Add the FQDN of every Exchange server."
)
NO_TOKENS_ONLINE = (
    "Exchange Online gives add-ins no Exchange identity tokens, so no user is "
    "recognised and nobody gets a room. Choose NAA_TOKEN or SSO_TOKEN: see "
    "docs/add-in-microsoft365.md. Only for users on an Exchange server of your own, "
    "add that server's FQDN to the domains."
)


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
