"""The fields of an integration that each check is about. Pure.

A finding is shown beside them where the integration is entered. Installation-wide
checks, and those that judge many fields at once, have none.
"""

from collections.abc import Mapping

from pexschedd.model.integration.connector import Connector

_URL = ("url",)
_MAILBOX = ("room_mailbox_email_address",)
_ADDIN = ("addin_server_domain",)

FIELDS: Mapping[str, tuple[str, ...]] = {
    "settings": (),
    "proxy": ("url", "disable_proxy"),
    "name": _URL,
    "port": _URL,
    "tls": _URL,
    "web": _URL,
    "clock": (),
    "methods": ("authentication_method",),
    "token_endpoint": ("oauth_token_endpoint",),
    "sign_in": (
        "username",
        "password",
        "oauth_client_id",
        "oauth_client_secret",
        "kerberos_realm",
    ),
    "impersonation": _MAILBOX,
    "mailbox": _MAILBOX,
    "kind": _MAILBOX,
    "processing": _MAILBOX,
    "user": ("username",),
    "notifications": ("notification_method",),
    "throttling": (),
    "alone": _MAILBOX,
    "domains": ("domains",),
    "metadata": ("domains",),
    "openid": ("addin_oidc_metadata_url", "addin_authority_url"),
    "addin_library": ("addin_authentication_method",),
    "user_sign_in": ("personal_vmr_oauth_auth_endpoint",),
    "user_sign_in_alone": ("personal_vmr_oauth_auth_endpoint",),
    "user_sign_in_keys": ("personal_vmr_oauth_auth_endpoint",),
    "user_sign_in_window": (
        "personal_vmr_oauth_client_id",
        "personal_vmr_oauth_auth_endpoint",
    ),
    "user_sign_in_token": (
        "personal_vmr_oauth_token_endpoint",
        "personal_vmr_oauth_client_secret",
    ),
    "user_sign_in_redirect": ("addin_server_domain",),
    "addin_name": _ADDIN,
    "addin_port": _ADDIN,
    "addin_certificate": _ADDIN,
    "addin_answers": _ADDIN,
    "addin_sources": ("use_custom_add_in_sources", "office_js_url"),
    "addin_manifest": (),
    "addin_frames": ("addin_frame_ancestors",),
    "addin_texts": ("addin_pane_title",),
    "policy": (),
    "secret_key": (),
    "disk": (),
}


_APPLICATION = ("oauth_client_id", "oauth_client_secret", "oauth_token_endpoint")
_DOMAIN = ("graph_api_domain",)

GRAPH_FIELDS: Mapping[str, tuple[str, ...]] = {
    "proxy": ("graph_api_domain", "disable_proxy"),
    "name": _DOMAIN,
    "port": _DOMAIN,
    "tls": _DOMAIN,
    "web": _DOMAIN,
    "credential": ("oauth_client_secret",),
    "sign_in": (*_APPLICATION, "graph_api_domain"),
    "mail_read": _MAILBOX,
    "mail_write": _MAILBOX,
    "mail_send": ("graph_answer_method",),
    "calendars": _MAILBOX,
    "processing": ("room_mailbox_email_address", "graph_answer_method"),
    "user": (),
    "notifications": ("graph_notification_method",),
}
"""The fields of checks that differ where the mailbox is reached by Microsoft Graph."""


def fields_of_check(check: str, connector: Connector) -> tuple[str, ...]:
    """Return the fields that a check of an integration is about; `check` is as in
    `ReportLine.check`."""
    name = check.partition(":")[0]
    if connector.uses_graph and name in GRAPH_FIELDS:
        return GRAPH_FIELDS[name]
    return FIELDS.get(name, ())
