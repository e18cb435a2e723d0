"""An integration: one connection between rooms and an Exchange equipment mailbox.

Every field is declared once, with the management API's name and default. Labels are
the deployment guide's; the explanations are for administrators. The fields are in
parts, by what they are about, and each part adds to the one before: `exchange`,
`graph`, `rooms`, `manifest`, `addin`, and here the texts of messages.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Self
from urllib.parse import urlsplit

from msgspec.structs import replace

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields import default_texts as texts
from pexschedd.model.fields import template_variables as variables
from pexschedd.model.fields.declaration import Field, Record, fields_of
from pexschedd.model.integration.addin import AddinSettings
from pexschedd.model.integration.exchange import (
    APPLICATION_SENT_BY,
    OAUTH_REDIRECT_PATH,
)
from pexschedd.model.integration.manifest_history import (
    Differences,
    difference,
    with_change,
)


def _answer(label: str, when: str, allowed: frozenset[str]) -> Field:
    """HTML sent to the organizer."""
    return kinds.template(label, f"Sent to the organizer {when} (HTML).", allowed)


class Connector(AddinSettings, frozen=True, kw_only=True):
    """One integration: `ms_exchange_connector` in the API.

    A secret field holds the sealed text, or "" when there is none.
    """

    meeting_instructions_template: Annotated[
        str,
        Field(
            begins="Texts of e-mail messages",
            label="Single-use VMR joining instructions template",
            help="What the add-in puts into the invitation (HTML). It must contain "
            "{{alias_uuid}}, by which the invitation is recognised.",
            min_length=1,
            max_length=12288,
            template=variables.JOINING_INSTRUCTIONS,
            must_use=variables.REQUIRED_IN_JOINING_INSTRUCTIONS,
        ),
    ] = texts.JOINING_INSTRUCTIONS
    meeting_location_template: Annotated[
        str,
        kinds.template(
            "Single-use VMR location template",
            "What the add-in adds to the location of the meeting: one line of text of "
            "at most 255 characters, such as https://{{addin_server_domain}}/webapp/"
            "?conference={{alias}}. Empty: nothing. A longer result is left out.",
            variables.LOCATION,
        ),
    ] = ""
    placeholder_instructions_template: Annotated[
        str,
        kinds.template(
            "Placeholder instructions text",
            "What the add-in inserts when no alias is available (HTML).",
            variables.NO_VARIABLES,
        ),
    ] = texts.PLACEHOLDER_INSTRUCTIONS
    accept_new_single_meeting_template: Annotated[
        str,
        _answer(
            "Accept new single meeting template",
            "when a new meeting was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_NEW_SINGLE
    accept_edited_single_meeting_template: Annotated[
        str,
        _answer(
            "Accept edited single meeting template",
            "when a changed meeting was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_EDITED_SINGLE
    accept_new_recurring_series_template: Annotated[
        str,
        _answer(
            "Accept new recurring meeting template",
            "when a new series was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_NEW_SERIES
    accept_edited_occurrence_template: Annotated[
        str,
        _answer(
            "Accept edited occurrence template",
            "when a changed occurrence of a series was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_EDITED_OCCURRENCE
    accept_edited_recurring_series_template: Annotated[
        str,
        _answer(
            "Accept edited recurring meeting template",
            "when a changed series was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_EDITED_SERIES
    reject_invalid_alias_id_template: Annotated[
        str,
        _answer(
            "Reject invalid alias ID text",
            "when the invitation carries no valid security tag",
            variables.NO_VARIABLES,
        ),
    ] = texts.REJECT_INVALID_ALIAS_ID
    reject_alias_conflict_template: Annotated[
        str,
        _answer(
            "Reject alias conflict template",
            "when the alias belongs to another meeting",
            variables.REJECTION,
        ),
    ] = texts.REJECT_ALIAS_CONFLICT
    reject_alias_deleted_template: Annotated[
        str,
        _answer(
            "Reject alias deleted text",
            "when the alias was deleted",
            variables.REJECTION,
        ),
    ] = texts.REJECT_ALIAS_DELETED
    reject_recurring_series_past_template: Annotated[
        str,
        _answer(
            "Reject recurring series in past text",
            "when all occurrences of a series are over",
            variables.REJECTION,
        ),
    ] = texts.REJECT_SERIES_IN_PAST
    reject_single_meeting_past: Annotated[
        str,
        _answer(
            "Reject single meeting in past text",
            "when the meeting is over",
            variables.REJECTION,
        ),
    ] = texts.REJECT_SINGLE_IN_PAST
    reject_general_error_template: Annotated[
        str,
        _answer(
            "Reject general error template",
            "when scheduling failed for another reason; {{correlation_id}} finds it in "
            "the log",
            variables.GENERAL_ERROR,
        ),
    ] = texts.REJECT_GENERAL_ERROR

    public_key: Annotated[
        str,
        Field(
            help="The certificate that the application shows with APP_PERM or GRAPH "
            "when there is no client secret (PEM). The command make_certificate makes "
            "it.",
            max_length=12288,
            multiline=True,
            readonly=True,
        ),
    ] = ""
    private_key: Annotated[
        str,
        Field(
            help="The key that belongs to the certificate.",
            max_length=12288,
            multiline=True,
            secret=True,
            sent_by=APPLICATION_SENT_BY,
            readonly=True,
        ),
    ] = ""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the fields that the chosen settings require or exclude, each with the
        problem."""
        for reason, fields in self.needs():
            for field in fields:
                if not getattr(self, field):
                    yield field, f"This is required {reason}."
        if not (self.enable_dynamic_vmrs or self.enable_personal_vmrs):
            text = "Users need one kind of room at least: single-use or personal VMRs."
            yield "enable_dynamic_vmrs", text
        yield from self.graph_contradictions()
        yield from self._oauth_contradictions()
        yield from self.user_sign_in_contradictions()
        yield from self.addin_contradictions()

    @property
    def lacks_credential(self) -> bool:
        """True if the integration is to sign in as an application, and there is neither
        a secret nor a certificate of it yet."""
        return (
            self.enable_dynamic_vmrs
            and self.sign_in_method == "APP_PERM"
            and not (self.oauth_client_secret or self.private_key)
        )

    def omissions(
        self, before: Self | None, given: Collection[str]
    ) -> Iterator[tuple[str, str]]:
        """Yield the secret where it is neither given nor said to be none.

        An application with a certificate has none, and a certificate can be made only
        for an integration that is there.
        """
        was_lacking = before is not None and before.lacks_credential
        field = "oauth_client_secret"
        if not self.lacks_credential or was_lacking or field in given:
            return
        why = "authentication_method APP_PERM"
        if self.uses_graph:
            why = "mailbox_protocol GRAPH"
        text = f"This is required with {why}, or a certificate: the command "
        text += 'make_certificate makes one. Send "" if that is still to be made.'
        yield field, text

    def _oauth_contradictions(self) -> Iterator[tuple[str, str]]:
        if not self.enable_dynamic_vmrs:
            return
        redirect = self.oauth_redirect_uri
        is_wrong = redirect and not _ends_here(redirect)
        if is_wrong and self.sign_in_method == "OAUTH":
            yield "oauth_redirect_uri", f"This must end with {OAUTH_REDIRECT_PATH}."


def _ends_here(redirect_uri: str) -> bool:
    parts = urlsplit(redirect_uri)
    whole = parts.path.endswith(OAUTH_REDIRECT_PATH)
    return whole and not parts.query and not parts.fragment


def manifest_changes(old: Connector, new: Connector) -> list[str]:
    """Return the fields for whose sake the add-in's manifest has to be deployed again
    after a change: those that were changed, and are different there."""
    return [
        name
        for name, declared in fields_of(Connector).items()
        if declared.field.manifest
        and getattr(old, name) != getattr(new, name)
        and _in_manifest(old, name) != _in_manifest(new, name)
    ]


def _in_manifest(connector: Connector, name: str) -> object:
    """Return as much of a field's value as the manifest has; None if it has nothing."""
    value = getattr(connector, name)
    uses_sso = connector.addin_authentication_method == "SSO_TOKEN"
    if name == "addin_authentication_method":
        return uses_sso
    if name == "addin_application_id":
        return (value or "").lower() if uses_sso else None
    if name.startswith("addin_command_"):
        return value if connector.enable_addin_command else None
    return value


def manifest_differences(old: Connector, new: Connector) -> Differences:
    """Return the differences of what two manifests have of an integration's fields."""
    pairs = {
        name: (_in_manifest(old, name), _in_manifest(new, name))
        for name, declared in fields_of(Connector).items()
        if declared.field.manifest
    }
    return {
        name: difference(*pair) for name, pair in pairs.items() if pair[0] != pair[1]
    }


def with_manifest_change(
    connector: Connector, fields: Iterable[str], differences: Differences
) -> Connector:
    """Return the integration with the next revision of its manifest.

    `fields` are those that were changed for it, `differences` what differs in it.
    """
    revision = connector.manifest_revision + 1
    history = with_change(connector.manifest_history, revision, fields, differences)
    return replace(connector, manifest_revision=revision, manifest_history=history)


class ExchangeDomain(Record, frozen=True, kw_only=True):
    """A source of the keys with which Exchange signs identity tokens."""

    exchange_connector: Annotated[
        int,
        Field(help="The integration it is for.", related="ms_exchange_connector"),
    ]
    domain: Annotated[
        str,
        Field(
            label="Domain or URL",
            help="A host name, for https://<host>/autodiscover/metadata/json/1, or "
            "the full URL of the metadata. Name every Exchange server that signs with "
            "a certificate of its own; outlook.office365.com too in a hybrid "
            "deployment.",
            min_length=1,
            max_length=192,
            checks=(addresses.host_or_url,),
        ),
    ]
    creation_time: Annotated[
        datetime | None, Field(help="When it was added.", readonly=True)
    ] = None
