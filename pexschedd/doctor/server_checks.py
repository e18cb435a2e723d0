"""The rows of the table of checks about the way to a mailbox's server, and about the
Exchange server before anybody signs in."""

from pexschedd.doctor import probes
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose import connectivity, providers, server_response
from pexschedd.doctor.probes import observation_of
from pexschedd.doctor.running import Diagnose, DoctorCheck

TOKEN_ENDPOINT = DoctorCheck(
    "token_endpoint", "Token endpoint", probes.token_endpoint, providers.token_endpoint
)


def server_checks(case: ExaminedIntegration) -> list[DoctorCheck]:
    """Return the checks of the Exchange server, up to the ways to sign in there."""
    needed = ("port", "tls") if case.has_tls else ("port",)
    return [
        *connection_checks(case, connectivity.certificate),
        DoctorCheck(
            "web", "EWS", probes.unauthenticated_post, server_response.web, needed
        ),
        DoctorCheck(
            "clock", "Clock", observation_of("web"), server_response.clock, ("web",)
        ),
        DoctorCheck(
            "methods",
            "Sign-in methods",
            observation_of("web"),
            server_response.methods,
            ("web",),
        ),
    ]


def connection_checks(
    case: ExaminedIntegration, certificate: Diagnose
) -> list[DoctorCheck]:
    """Return the checks of the way to Exchange or to Graph, whose certificate is judged
    by `certificate`."""
    lookup = () if case.proxy else ("name",)
    rows = [
        DoctorCheck("proxy", "Web proxy", probes.nothing, connectivity.proxy),
        DoctorCheck("name", "Name", probes.exchange_addresses, connectivity.name),
        DoctorCheck(
            "port", "Connection", probes.exchange_port, connectivity.port, lookup
        ),
    ]
    if case.has_tls:
        rows.append(
            DoctorCheck(
                "tls",
                "Certificate",
                probes.exchange_certificate,
                certificate,
                ("port",),
            )
        )
    return rows
