"""The table of checks: what is looked at, how it is judged, and what has to be in order
before it makes sense to look."""

from collections.abc import Callable
from typing import Any

import msgspec

from pexschedd.doctor import probes
from pexschedd.doctor.case import Case
from pexschedd.doctor.diagnose import (
    addin,
    greeting,
    house,
    mailbox,
    metadata,
    providers,
    sign_in,
    traffic,
    way,
)
from pexschedd.doctor.probes import Probe, seen
from pexschedd.doctor.report import Finding

Diagnose = Callable[[Case, Any], Finding]


class Check(msgspec.Struct, frozen=True):
    name: str
    title: str
    probe: Probe
    diagnose: Diagnose
    after: tuple[str, ...] = ()
    """Checks that must not have failed, or stayed unchecked, for this to be made."""


def checks_of(case: Case) -> list[Check]:
    """In the order in which they are shown: each after those that it needs."""
    found = _exchange(case) if case.connector.enable_dynamic_vmrs else []
    return [*found, *_identity(case), *_addin(), *_house()]


def _exchange(case: Case) -> list[Check]:
    lookup = () if case.proxy else ("name",)
    tls = ("tls",) if case.has_tls else ()
    rows = [
        Check("proxy", "Web proxy", probes.nothing, way.proxy),
        Check("name", "Name", probes.exchange_addresses, way.name),
        Check("port", "Connection", probes.exchange_port, way.port, lookup),
    ]
    if case.has_tls:
        rows.append(
            Check(
                "tls",
                "Certificate",
                probes.exchange_certificate,
                way.certificate,
                ("port",),
            )
        )
    rows += [
        Check("web", "EWS", probes.unsigned_post, greeting.web, ("port", *tls)),
        Check("clock", "Clock", seen("web"), greeting.clock, ("web",)),
        Check("methods", "Sign-in methods", seen("web"), greeting.methods, ("web",)),
    ]
    needed = ["web", "methods"]
    if case.connector.authentication_method in ("OAUTH", "APP_PERM"):
        rows.append(
            Check(
                "token_endpoint",
                "Token endpoint",
                probes.token_endpoint,
                providers.token_endpoint,
            )
        )
        needed.append("token_endpoint")
    return rows + _mailbox(tuple(needed))


def _mailbox(needed: tuple[str, ...]) -> list[Check]:
    opened = ("impersonation", "mailbox")
    return [
        Check("sign_in", "Sign-in", probes.open_mailbox, sign_in.sign_in, needed),
        Check(
            "impersonation",
            "Impersonation",
            seen("sign_in"),
            mailbox.impersonation,
            ("sign_in",),
        ),
        Check("mailbox", "Mailbox", seen("sign_in"), mailbox.mailbox, ("sign_in",)),
        Check("kind", "Kind of mailbox", probes.mailbox_kind, mailbox.kind, opened),
        Check(
            "processing",
            "Automatic processing",
            probes.mailbox_processing,
            mailbox.processing,
            opened,
        ),
        Check(
            "user",
            "A user's calendar",
            probes.open_users_calendar,
            mailbox.user,
            ("impersonation",),
        ),
        Check(
            "notifications",
            "Notifications",
            probes.subscription,
            traffic.notifications,
            opened,
        ),
        Check(
            "throttling",
            "Throttling",
            probes.pushed_back,
            traffic.throttling,
            ("sign_in",),
        ),
        Check("alone", "Mailbox used once", probes.nothing, house.alone),
    ]


def _identity(case: Case) -> list[Check]:
    rows = [Check("domains", "Metadata domains", probes.nothing, metadata.domains)]
    method = case.connector.addin_authentication_method
    if method == "EXCHANGE_USER_ID_TOKEN":
        rows += [
            Check(
                f"metadata:{domain}",
                f"Metadata of {domain}",
                probes.metadata(domain),
                metadata.metadata(domain),
            )
            for domain in case.domains
        ]
    elif case.connector.addin_oidc_metadata_url:
        rows.append(
            Check(
                "openid", "OpenID metadata", probes.openid_documents, providers.openid
            )
        )
    return rows


def _addin() -> list[Check]:
    return [
        Check("addin_name", "Add-in: name", probes.addin_addresses, addin.name),
        Check(
            "addin_port",
            "Add-in: connection",
            probes.addin_port,
            addin.port,
            ("addin_name",),
        ),
        Check(
            "addin_certificate",
            "Add-in: certificate",
            probes.addin_certificate,
            addin.certificate,
            ("addin_port",),
        ),
        Check(
            "addin_answers",
            "Add-in: answer",
            probes.addin_pane,
            addin.answers,
            ("addin_port",),
        ),
    ]


def _house() -> list[Check]:
    return [Check("disk", "Disk", probes.disk, house.disk)]
