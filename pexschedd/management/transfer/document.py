"""The document that holds a configuration: one JSON object. Pure.

    {"format": "pexschedd configuration", "version": 1, "release": "…",
     "installation": "…", "created": "2026-11-29T21:00:00.000000",
     "resources": {"ivr_theme": [{…}, …], "ms_exchange_connector": […], …},
     "sealed_secrets": null}

Records are what the management API shows, without what only the server sets. They refer
to each other by their `resource_uri`, which counts within the document only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pexschedd.crypto.passphrase import PassphraseSeal
from pexschedd.errors import InvalidFields
from pexschedd.management.transfer.configuration import ACCOUNTS, BY_NAME
from pexschedd.model.fields.validation import Problems

FORMAT = "pexschedd configuration"
VERSION = 1

LARGEST = 8 * 1024 * 1024
"""Bytes of a document: about 5,000 rooms."""
MOST_DOCUMENTED = 20_000
"""Records of a document."""

Resources = Mapping[str, Sequence[msgspec.Raw | dict[str, object]]]
"""The records of each resource, by its name: as JSON, or decoded already."""


class ConfigurationDocument(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A configuration. What a hand-written one leaves out has its default."""

    format: str = FORMAT
    version: int = VERSION
    release: str = ""
    """The release of the program that wrote it."""
    installation: str = ""
    """The id of the installation that it comes from."""
    created: str = ""
    resources: dict[str, list[msgspec.Raw]]
    sealed_secrets: PassphraseSeal | None = None
    """JSON: an object of `RecordSecrets`, by `resource_uri`."""


class RecordSecrets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The secrets of a record, by field."""

    secrets: dict[str, str]
    sent_by: dict[str, str | int | bool | None]
    """The fields that decide where these are sent, as they were."""


SECRETS_CONTEXT = "pexschedd configuration secrets"


def check_document(document: ConfigurationDocument) -> None:
    """Raise `InvalidFields` for a document that is not one that this release reads."""
    problems: dict[str, list[str]] = {}
    version, resources = document.version, document.resources
    if document.format != FORMAT:
        problems["format"] = [f'This must be "{FORMAT}".']
    if version != VERSION:
        text = f"This is version {version}; this release reads version {VERSION}."
        problems["version"] = [text]
    for name in resources:
        if name not in BY_NAME:
            known = ", ".join(BY_NAME)
            text = f"This is no resource of a configuration; they are: {known}."
            problems[f"resources.{name}"] = [text]
    if sum(map(len, resources.values())) > MOST_DOCUMENTED:
        text = f"There can be {MOST_DOCUMENTED} records at most; import them in parts."
        problems["resources"] = [text]
    if problems:
        raise InvalidFields(problems)


def has_accounts(resources: Resources) -> bool:
    """Return whether there are administrators in a document."""
    return bool(resources.get(ACCOUNTS))


def decoded_record(raw: msgspec.Raw) -> tuple[Any, Problems]:
    """Return a record of a document without the fields whose values cannot be read,
    such as a number that is too large, and the problem with each.

    Raises `InvalidFields` for a record that cannot be read at all.
    """
    try:
        return msgspec.json.decode(raw), {}
    except _UNREADABLE as error:
        problem = _unreadable(error)
    try:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except _UNREADABLE:
        members = {}
    values: dict[str, object] = {}
    problems: Problems = {}
    for name, value in members.items():
        try:
            values[name] = msgspec.json.decode(value)
        except _UNREADABLE as error:
            problems[name] = [_unreadable(error)]
    if not problems:
        raise InvalidFields({"": [problem]})
    return values, problems


def _unreadable(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "This is nested too deeply."
    return f"This cannot be read: {error}."


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
