"""The table of checks: for each, its probe, its judgement and the checks that have to
pass before it makes sense to probe."""

from typing import Any

from msgspec.structs import replace

from pexschedd.doctor import probes, user_sign_in_probes
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose import (
    addin,
    installation,
    mailbox,
    manifest,
    metadata,
    providers,
    settings,
    sign_in,
    sources,
    traffic,
    user_sign_in,
)
from pexschedd.doctor.graph_checks import graph_checks
from pexschedd.doctor.probes import observation_of
from pexschedd.doctor.report import CheckFinding, not_checked
from pexschedd.doctor.running import DoctorCheck
from pexschedd.doctor.server_checks import TOKEN_ENDPOINT, server_checks


def checks_of(case: ExaminedIntegration) -> list[DoctorCheck]:
    """Return the checks of an integration, in the order of the report.

    Each comes after the checks that it needs.
    """
    rows = [*mailbox_checks_of(case), *_identity(case), *_addin()]
    if case.connector.enable_personal_vmrs:
        rows += _user_sign_in()
    return rows + _installation()


def mailbox_checks_of(case: ExaminedIntegration) -> list[DoctorCheck]:
    """Return the checks of the settings, and of all that leads to the mailbox."""
    found: list[DoctorCheck] = []
    if case.connector.enable_dynamic_vmrs:
        found = graph_checks(case) if case.connector.uses_graph else _exchange(case)
    return [*_settings(), *found]


_AFTER_SAVING = (
    "This is looked at once the integration is saved: run the doctor on it then."
)
_PASSWORD_METHODS = ("BASIC", "NTLM")


def draft_checks_of(case: ExaminedIntegration) -> list[DoctorCheck]:
    """Return the checks of an integration that is not saved yet.

    The add-in is served, and tokens are kept, for integrations that are.
    """
    later = {"addin_answers", "addin_manifest", "user_sign_in_redirect"}
    connector = case.connector
    by_password = connector.authentication_method in _PASSWORD_METHODS
    if not (connector.uses_graph or by_password):
        later.add("sign_in")
    return [
        replace(check, probe=probes.nothing, diagnose=_after_saving, after=())
        if check.name in later
        else check
        for check in checks_of(case)
    ]


def _after_saving(_case: ExaminedIntegration, _seen: Any) -> CheckFinding:
    return not_checked(_AFTER_SAVING)


def _settings() -> list[DoctorCheck]:
    return [DoctorCheck("settings", "Settings", probes.nothing, settings.settings)]


def _exchange(case: ExaminedIntegration) -> list[DoctorCheck]:
    rows = server_checks(case)
    needed = ["web", "methods"]
    if case.connector.authentication_method in ("OAUTH", "APP_PERM"):
        rows.append(TOKEN_ENDPOINT)
        needed.append("token_endpoint")
    return rows + _mailbox(tuple(needed))


def _mailbox(needed: tuple[str, ...]) -> list[DoctorCheck]:
    opened = ("impersonation", "mailbox")
    return [
        DoctorCheck("sign_in", "Sign-in", probes.open_mailbox, sign_in.sign_in, needed),
        DoctorCheck(
            "impersonation",
            "Impersonation",
            observation_of("sign_in"),
            mailbox.impersonation,
            ("sign_in",),
        ),
        DoctorCheck(
            "mailbox",
            "Mailbox",
            observation_of("sign_in"),
            mailbox.mailbox,
            ("sign_in",),
        ),
        DoctorCheck(
            "kind", "Kind of mailbox", probes.mailbox_kind, mailbox.kind, opened
        ),
        DoctorCheck(
            "processing",
            "Automatic processing",
            probes.mailbox_processing,
            mailbox.processing,
            opened,
        ),
        DoctorCheck(
            "user",
            "A user's calendar",
            probes.open_users_calendar,
            mailbox.user,
            ("impersonation",),
        ),
        DoctorCheck(
            "notifications",
            "Notifications",
            probes.subscription,
            traffic.notifications,
            opened,
        ),
        DoctorCheck(
            "throttling",
            "Throttling",
            probes.calls_so_far,
            traffic.throttling,
            ("sign_in",),
        ),
        DoctorCheck("alone", "Mailbox not shared", probes.nothing, installation.alone),
    ]


def _identity(case: ExaminedIntegration) -> list[DoctorCheck]:
    rows = [
        DoctorCheck("domains", "Metadata domains", probes.nothing, metadata.domains)
    ]
    method = case.connector.addin_authentication_method
    if method == "EXCHANGE_USER_ID_TOKEN":
        rows += [
            DoctorCheck(
                f"metadata:{domain}",
                f"Metadata of {domain}",
                probes.metadata(domain),
                metadata.metadata(domain),
            )
            for domain in case.domains
        ]
    elif case.connector.addin_oidc_metadata_url:
        rows.append(
            DoctorCheck(
                "openid", "OpenID metadata", probes.openid_documents, providers.openid
            )
        )
    if method == "NAA_TOKEN":
        rows.append(
            DoctorCheck(
                "addin_library", "Add-in: library", probes.nothing, addin.library
            )
        )
    return rows


def _user_sign_in() -> list[DoctorCheck]:
    usable = ("user_sign_in",)
    return [
        DoctorCheck(
            "user_sign_in",
            "Users' sign-in: settings",
            user_sign_in_probes.settings,
            user_sign_in.settings,
        ),
        DoctorCheck(
            "user_sign_in_alone",
            "Users' sign-in: other providers",
            probes.nothing,
            user_sign_in.alone,
        ),
        DoctorCheck(
            "user_sign_in_keys",
            "Users' sign-in: keys",
            user_sign_in_probes.published,
            user_sign_in.published,
            usable,
        ),
        DoctorCheck(
            "user_sign_in_window",
            "Users' sign-in: window",
            user_sign_in_probes.window,
            user_sign_in.window,
            usable,
        ),
        DoctorCheck(
            "user_sign_in_token",
            "Users' sign-in: token endpoint",
            user_sign_in_probes.token,
            user_sign_in.token,
            usable,
        ),
        DoctorCheck(
            "user_sign_in_redirect",
            "Users' sign-in: redirect",
            user_sign_in_probes.redirect,
            user_sign_in.redirect,
            ("user_sign_in", "addin_port"),
        ),
    ]


def _addin() -> list[DoctorCheck]:
    return [
        DoctorCheck("addin_name", "Add-in: name", probes.addin_addresses, addin.name),
        DoctorCheck(
            "addin_port",
            "Add-in: connection",
            probes.addin_port,
            addin.port,
            ("addin_name",),
        ),
        DoctorCheck(
            "addin_certificate",
            "Add-in: certificate",
            probes.addin_certificate,
            addin.certificate,
            ("addin_port",),
        ),
        DoctorCheck(
            "addin_answers",
            "Add-in: answer",
            probes.addin_pane,
            addin.answers,
            ("addin_port",),
        ),
        DoctorCheck(
            "addin_sources", "Add-in: sources", probes.addin_sources, sources.sources
        ),
        DoctorCheck(
            "addin_manifest", "Add-in: manifest", probes.nothing, manifest.manifest
        ),
        DoctorCheck("addin_frames", "Add-in: frames", probes.nothing, manifest.frames),
        DoctorCheck("addin_texts", "Add-in: texts", probes.nothing, manifest.texts),
    ]


def _installation() -> list[DoctorCheck]:
    return [
        DoctorCheck("policy", "Policy interface", probes.nothing, installation.policy),
        DoctorCheck(
            "secret_key", "Key of secrets", probes.nothing, installation.secret_key
        ),
        DoctorCheck("disk", "Disk", probes.disk, installation.disk),
    ]
