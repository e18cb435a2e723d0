"""The rows of the table of checks for an integration whose mailbox is reached by
Microsoft Graph, in place of those about Exchange Web Services."""

from pexschedd.doctor import graph_probes, probes
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose import (
    graph_mailbox,
    graph_permissions,
    graph_server,
    graph_sign_in,
    installation,
)
from pexschedd.doctor.probes import observation_of
from pexschedd.doctor.running import DoctorCheck
from pexschedd.doctor.server_checks import TOKEN_ENDPOINT, connection_checks


def graph_checks(case: ExaminedIntegration) -> list[DoctorCheck]:
    """Return the checks from the way to Microsoft Graph to the mailbox."""
    tls = ("port", "tls") if case.has_tls else ("port",)
    signed_in, read = ("sign_in",), ("mail_read",)
    return [
        *connection_checks(case, graph_server.certificate),
        DoctorCheck(
            "web",
            "Microsoft Graph",
            graph_probes.unauthenticated_get,
            graph_server.web,
            tls,
        ),
        DoctorCheck(
            "clock", "Clock", observation_of("web"), graph_server.clock, ("web",)
        ),
        TOKEN_ENDPOINT,
        DoctorCheck(
            "credential",
            "Secret or certificate",
            probes.nothing,
            graph_sign_in.credential,
        ),
        DoctorCheck(
            "sign_in",
            "Sign-in",
            graph_probes.open_inbox,
            graph_sign_in.sign_in,
            ("web", "token_endpoint"),
        ),
        DoctorCheck(
            "mailbox",
            "Mailbox",
            observation_of("sign_in"),
            graph_permissions.mailbox,
            signed_in,
        ),
        DoctorCheck(
            "mail_read",
            "Permission to read mail",
            graph_probes.read_mail,
            graph_permissions.mail_read,
            signed_in,
        ),
        DoctorCheck(
            "mail_write",
            "Permission to change mail",
            graph_probes.write_mail,
            graph_permissions.mail_write,
            read,
        ),
        DoctorCheck(
            "mail_send",
            "Permission to send mail",
            probes.nothing,
            graph_permissions.mail_send,
        ),
        DoctorCheck(
            "calendars",
            "Permission for the calendar",
            graph_probes.write_calendar,
            graph_permissions.calendars,
            signed_in,
        ),
        DoctorCheck(
            "kind",
            "Kind of mailbox",
            graph_probes.mailbox_purpose,
            graph_mailbox.kind,
            signed_in,
        ),
        DoctorCheck(
            "processing",
            "Automatic processing",
            graph_probes.processing_traces,
            graph_mailbox.processing,
            read,
        ),
        DoctorCheck(
            "user",
            "A user's calendar",
            graph_probes.write_users_calendar,
            graph_permissions.user,
            signed_in,
        ),
        DoctorCheck(
            "notifications",
            "Notifications",
            probes.addin_addresses,
            graph_mailbox.notifications,
        ),
        DoctorCheck(
            "throttling",
            "Throttling",
            graph_probes.requests_so_far,
            graph_mailbox.throttling,
            signed_in,
        ),
        DoctorCheck("alone", "Mailbox not shared", probes.nothing, installation.alone),
    ]
