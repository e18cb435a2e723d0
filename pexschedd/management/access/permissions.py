"""Permissions of each role, by a table. Pure.

A subject is an address of the management API without its prefix, its version and the
ids in it: `configuration/conference`, `command/ms_exchange_connector/check`.
"""

import re
from collections.abc import Mapping

import msgspec

from pexschedd.management.resource import PREFIX
from pexschedd.model.accounts.administrator import RoleLevel

READ, HELP, FULL = RoleLevel.READ_ONLY, RoleLevel.HELP_DESK, RoleLevel.FULL

READING = ("GET", "HEAD", "OPTIONS")
"""The HTTP methods that change nothing."""


class Permission(msgspec.Struct, frozen=True):
    """The lowest roles that may read and change something."""

    read: RoleLevel
    change: RoleLevel
    by_password: bool = False
    """To change it takes an administrator's password. A token will not do: whoever has
    copied one could make an account that outlives it."""


_SEEN_BY_ALL = Permission(READ, FULL)
_HELP_DESK = Permission(READ, HELP)
_ADMINISTRATION = Permission(FULL, FULL)
_ACCOUNTS = Permission(FULL, FULL, by_password=True)
_OWN = Permission(READ, READ, by_password=True)

PERMISSIONS: Mapping[str, Permission] = {
    # Overviews
    "": _SEEN_BY_ALL,
    "openapi.json": _SEEN_BY_ALL,
    "configuration": _SEEN_BY_ALL,
    "status": _SEEN_BY_ALL,
    "history": _SEEN_BY_ALL,
    "command": _SEEN_BY_ALL,
    "command/administrator": _SEEN_BY_ALL,
    "command/conference": _SEEN_BY_ALL,
    "command/participant": _SEEN_BY_ALL,
    "command/platform": _SEEN_BY_ALL,
    "command/ms_exchange_connector": _SEEN_BY_ALL,
    "command/configuration": _SEEN_BY_ALL,
    # Integrations
    "configuration/ms_exchange_connector": _SEEN_BY_ALL,
    "configuration/ms_exchange_connector/manifest": _SEEN_BY_ALL,
    "configuration/ms_exchange_connector/icon": _SEEN_BY_ALL,
    "configuration/ms_exchange_connector/exchange_setup": _SEEN_BY_ALL,
    "configuration/exchange_domain": _SEEN_BY_ALL,
    "configuration/scheduled_alias": _SEEN_BY_ALL,
    "configuration/ca_certificate": _SEEN_BY_ALL,
    "command/mjx_endpoint": _SEEN_BY_ALL,
    "command/mjx_endpoint/check": _ADMINISTRATION,
    "command/ms_exchange_connector/audit": _ADMINISTRATION,
    "command/ms_exchange_connector/check": _ADMINISTRATION,
    "command/ms_exchange_connector/recover": _ADMINISTRATION,
    "command/ms_exchange_connector/maintain": _ADMINISTRATION,
    "command/ms_exchange_connector/migrate": _ADMINISTRATION,
    "command/ms_exchange_connector/stop": _ADMINISTRATION,
    "command/ms_exchange_connector/sign_in": _ADMINISTRATION,
    "command/ms_exchange_connector/make_certificate": _ADMINISTRATION,
    # A page with a link by which the service account is signed in.
    "platform/msexchangeconnector/sign_in": _ADMINISTRATION,
    # The same for the devices of a profile that Webex reaches.
    "command/mjx_integration": _SEEN_BY_ALL,
    "command/mjx_integration/webex_sign_in": _ADMINISTRATION,
    "platform/mjxintegration/sign_in": _ADMINISTRATION,
    "platform/mjxintegration/oauth_redirect": _ADMINISTRATION,
    # Deployments of One-Touch Join
    "configuration/mjx_exchange_deployment/exchange_setup": _SEEN_BY_ALL,
    "command/mjx_exchange_deployment": _SEEN_BY_ALL,
    "command/mjx_exchange_deployment/check": _ADMINISTRATION,
    "command/mjx_exchange_deployment/sign_in": _ADMINISTRATION,
    "platform/mjxexchangedeployment/sign_in": _ADMINISTRATION,
    "configuration/mjx_graph_deployment/exchange_setup": _SEEN_BY_ALL,
    "command/mjx_graph_deployment": _SEEN_BY_ALL,
    "command/mjx_graph_deployment/check": _ADMINISTRATION,
    "status/mjx_service_account": _SEEN_BY_ALL,
    # Rooms and the people who use them
    "configuration/conference": _HELP_DESK,
    "configuration/conference_alias": _HELP_DESK,
    "configuration/end_user": _HELP_DESK,
    "configuration/scheduled_conference": _SEEN_BY_ALL,
    "configuration/recurring_conference": _SEEN_BY_ALL,
    "configuration/ivr_theme": _SEEN_BY_ALL,
    "configuration/identity_provider_group": _SEEN_BY_ALL,
    # One-Touch Join
    **{
        f"configuration/{name}": _SEEN_BY_ALL
        for name in (
            "system_location",
            "mjx_integration",
            "mjx_endpoint_group",
            "mjx_endpoint",
            "mjx_screen_token",
            "mjx_exchange_deployment",
            "mjx_exchange_autodiscover_url",
            "mjx_graph_deployment",
            "mjx_google_deployment",
            "mjx_meeting_processing_rule",
        )
    },
    "command/mjx_meeting_processing_rule": _SEEN_BY_ALL,
    # It changes nothing, and shows what everybody may see.
    "command/mjx_meeting_processing_rule/test": Permission(READ, READ),
    # Accounts
    "configuration/role": _SEEN_BY_ALL,
    "configuration/administrator": _ACCOUNTS,
    "configuration/oauth2_client": _ACCOUNTS,
    "command/administrator/change_password": _OWN,
    # Those of others are seen with the role Full only.
    "configuration/api_token": _OWN,
    # Whole configurations; what has secrets or accounts takes a password, too.
    "command/configuration/export": _ADMINISTRATION,
    "command/configuration/import": _ADMINISTRATION,
    "command/configuration/import_from": _ADMINISTRATION,
    "command/csv": _SEEN_BY_ALL,
    "command/csv/personal_rooms": Permission(HELP, HELP),  # they have PINs
    "command/csv/users": _HELP_DESK,
    "command/state": _SEEN_BY_ALL,
    "command/state/backup": _ADMINISTRATION,
    "command/state/restore": _ADMINISTRATION,
    # What is going on
    "status/principal": _SEEN_BY_ALL,
    "status/exchange_integration": _SEEN_BY_ALL,
    "status/message_count": _SEEN_BY_ALL,
    "status/certificate": _SEEN_BY_ALL,
    "status/alarm": _SEEN_BY_ALL,
    "status/mjx_endpoint": _SEEN_BY_ALL,
    # Subjects that not everybody may see are left out of it.
    "status/mjx_meeting": _SEEN_BY_ALL,
    "status/conference": _SEEN_BY_ALL,
    "status/licensing": _SEEN_BY_ALL,
    "status/scheduling_operation": _SEEN_BY_ALL,
    "status/exchange_scheduler": _SEEN_BY_ALL,
    "status/exchange_set_aside_message": _SEEN_BY_ALL,
    "status/exchange_scheduler_addin": _SEEN_BY_ALL,
    "status/exchange_scheduler_audit": _SEEN_BY_ALL,
    # They quote the administrator's message, and name meetings.
    "status/exchange_scheduler_recovery": _ADMINISTRATION,
    "status/exchange_scheduler_maintenance": _ADMINISTRATION,
    "status/exchange_scheduler_migration": _ADMINISTRATION,
    "status/exchange_service_account": _SEEN_BY_ALL,
    "history/alarm": _SEEN_BY_ALL,
    # Of what a role does not see, it does not see the changes either.
    "history/configuration_change": _SEEN_BY_ALL,
    "history/scheduling_message": _SEEN_BY_ALL,
}

_VARIABLE = re.compile(r"<(\w+):(\w+)>")


def permission_for(subject: str) -> Permission:
    """Return who may read and change a subject.

    What the table does not have exists for the role Full only.
    """
    return PERMISSIONS.get(subject, _ADMINISTRATION)


def needed_role(method: str, subject: str) -> RoleLevel:
    """Return the lowest role that may use an HTTP method on a subject."""
    permission = permission_for(subject)
    return permission.read if method in READING else permission.change


def may(role: RoleLevel, method: str, subject: str) -> bool:
    """Return whether a role may use an HTTP method on a subject."""
    return role >= needed_role(method, subject)


def needs_password(method: str, subject: str) -> bool:
    """Return whether a token is not enough for an HTTP method on a subject."""
    return method not in READING and permission_for(subject).by_password


def subject_of(rule: str, segments: Mapping[str, object]) -> str:
    """Return the subject that a Werkzeug rule is about, with these variable segments.

    An address that describes a resource, `schema/`, belongs to the resource.
    """
    parts = []
    for part in rule.removeprefix(PREFIX).removeprefix("/admin").split("/"):
        variable = _VARIABLE.fullmatch(part)
        if variable is None:
            parts.append(part)
        elif variable[1] != "int":
            parts.append(str(segments.get(variable[2], "")))
    kept = [part for part in parts if part not in ("", "v1")]
    return "/".join(kept[:-1] if kept[-1:] == ["schema"] else kept)
