"""Causes and remedies for a failed TLS handshake with Exchange. Pure."""

import msgspec

from pexschedd.net.errors import FailureKind


class Advice(msgspec.Struct, frozen=True):
    """The cause and the remedy of one kind of failure."""

    cause: str
    remedy: str
    """May contain {host}."""
    commands: tuple[str, ...] = ()


_URLS = ("Get-WebServicesVirtualDirectory | Format-List Server,*Url",)
_LOOK = (
    "Get-ExchangeCertificate | Format-List "
    "Subject,CertificateDomains,NotAfter,Services,Thumbprint"
)
RENEW = (
    _LOOK,
    "Enable-ExchangeCertificate -Thumbprint (Read-Host 'Thumbprint') -Services IIS",
)
_OLD = Advice(
    "The server allows only versions or ciphers of TLS that are no longer safe.",
    "Enable TLS 1.2 on the Exchange server, or on the load balancer in front of it.",
)

_ADVICE = {
    FailureKind.UNTRUSTED: Advice(
        "The authority that issued the certificate is not known to this machine.",
        "Add the authority's certificate (PEM) to the trusted ones: as ca_certificate "
        "in the management API, or in the file that ca_file in the configuration file "
        "names. Compare the fingerprint first.",
    ),
    FailureKind.WRONG_HOST: Advice(
        "The certificate is for other names than the one in the EWS URL.",
        "Use one of the certificate's names in the field EWS URL, or give Exchange a "
        "certificate with {host} among its subject alternative names.",
        RENEW,
    ),
    FailureKind.NOT_VALID_NOW: Advice(
        "The certificate has expired or is not valid yet, or a clock is wrong.",
        "Renew the certificate and assign it to IIS; check the time on both machines.",
        RENEW,
    ),
    FailureKind.NOT_TLS: Advice(
        "The EWS URL says https, but this port answers without TLS.",
        "Correct the port in the field EWS URL: https usually means port 443.",
        _URLS,
    ),
    FailureKind.TIMEOUT: Advice(
        "What listens on this port does not answer a TLS handshake: it may speak plain "
        "HTTP, or be overloaded.",
        "Check the port in the field EWS URL, and the server.",
        _URLS,
    ),
    FailureKind.OLD_TLS: _OLD,
    FailureKind.NO_CIPHER: _OLD,
    FailureKind.CLIENT_CERTIFICATE: Advice(
        "The server asks every client for a certificate of its own.",
        "Let IIS ignore client certificates for the EWS virtual directory.",
    ),
    FailureKind.UNFIT: Advice(
        "A certificate in the chain may not be used for this purpose.",
        "Give the server a server certificate, with its full chain.",
        RENEW,
    ),
}

_OTHER = Advice(
    "The TLS handshake was not completed.",
    "Check that the port of the EWS URL is Exchange's, and what stands in between.",
    _URLS,
)


def advice(failure: FailureKind) -> Advice:
    """Return the advice for a failed handshake."""
    return _ADVICE.get(failure, _OTHER)
