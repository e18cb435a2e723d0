"""Notes on what is left to do after an integration or a deployment was saved. Pure.

A new manifest has to be deployed, and a person has to sign in to the service account;
an address has to be corrected that clients of the API may save.
"""

from collections.abc import Iterator, Sequence

from pexschedd.doctor.setup.rooms import is_online
from pexschedd.identity.oauth.service_accounts import (
    DEPLOYMENTS,
    INTEGRATIONS,
    A,
    AccountKind,
    is_signed_in_by_person,
)
from pexschedd.identity.oauth.signed_in import needed_because
from pexschedd.management.resources import CONNECTOR
from pexschedd.management.save_notes import Revision, SaveNote
from pexschedd.model.integration.connector import Connector, manifest_changes
from pexschedd.model.integration.microsoft_clouds import token_endpoint_problem
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment

NO_AUTODISCOVER = (
    "With OAUTH the EWS URL is required: the sign-in is for the server that it names."
)
NOT_ONLINE = (
    "In Exchange Online no service account can read rooms any more: the role "
    "ApplicationImpersonation was removed there in 2025. Choose APP_PERM; the "
    "deployment's exchange_setup script sets it up."
)


def consequences(revision: Revision) -> Iterator[SaveNote]:
    """Yield the notes on a record that is about to be saved."""
    record, current = revision.record, revision.current
    if isinstance(record, ExchangeDeployment):
        old = current if isinstance(current, ExchangeDeployment) else None
        if is_online(record) and record.authentication_method != "APP_PERM":
            yield SaveNote("authentication_method", NOT_ONLINE, is_logged=True)
        yield from _sign_in(DEPLOYMENTS, record, old)
    if isinstance(record, GraphDeployment):
        url, domain = record.oauth_token_url, record.graph_api_domain
        problem = token_endpoint_problem(url, domain)
        if problem is not None:
            yield SaveNote("oauth_token_url", problem)
    if not isinstance(record, Connector):
        return
    before = current if isinstance(current, Connector) else None
    if before is not None:
        yield from _manifest(record, before)
    yield from _sign_in(INTEGRATIONS, record, before)


def _manifest(record: Connector, before: Connector) -> Iterator[SaveNote]:
    changed = manifest_changes(before, record)
    if changed:
        yield manifest_note(record, changed)


def manifest_note(connector: Connector, changed: Sequence[str]) -> SaveNote:
    """Return the note that an integration's manifest has to be deployed again.

    `changed` are the fields that differ in it, one or more; `icon` for the icon.
    """
    others = f" (together with {', '.join(changed[1:])})" if changed[1:] else ""
    return SaveNote(
        changed[0],
        f"This changes the add-in's manifest{others}: download it from "
        f"{CONNECTOR.uri_of(connector.id)}manifest/ and deploy it again. "
        f"{_until_deployed(connector, changed)}",
        is_logged=True,
    )


def _until_deployed(connector: Connector, changed: Sequence[str]) -> str:
    """Tell what works with the manifest that is installed now."""
    method = connector.addin_authentication_method
    if "addin_server_domain" in changed and method == "EXCHANGE_USER_ID_TOKEN":
        return (
            "Until Outlook has it nobody gets a room: the tokens that Outlook gets are "
            "for the address in the installed manifest, and are refused from now on."
        )
    if method == "SSO_TOKEN" and not {
        "addin_authentication_method",
        "addin_application_id",
    }.isdisjoint(changed):
        return (
            "Until Outlook has it nobody gets a room: Outlook gives tokens for the "
            "application in the installed manifest only, which is none or another one."
        )
    if "addin_authentication_method" in changed:
        return (
            "Until then the installed one still names the application for SSO_TOKEN, "
            "which does no harm: panes that are opened from now on use the new method."
        )
    if "addin_server_domain" in changed:
        return (
            "Until then Outlook loads the add-in from the earlier address, which has "
            "to lead here for as long."
        )
    return "Until then Outlook shows the add-in as it was."


def _sign_in(kind: AccountKind[A], record: A, before: A | None) -> Iterator[SaveNote]:
    if not is_signed_in_by_person(record):
        return
    if not getattr(record, kind.url):
        yield SaveNote(kind.url, NO_AUTODISCOVER, is_logged=True)
        return
    why = needed_because(record)
    changed = [
        name
        for name in (
            "authentication_method",
            *(("mailbox_protocol",) if isinstance(record, Connector) else ()),
            kind.username,
            "oauth_client_id",
            "oauth_token_endpoint",
            kind.url,
        )
        if before is None or getattr(before, name) != getattr(record, name)
    ]
    if why and changed:
        yield SaveNote(
            changed[0],
            f"{why} Sign in at {kind.page_of(record.id)}; until then {kind.without}.",
            is_logged=True,
        )
