"""Reasons for which Kerberos failed, and their remedies. Pure.

The codes are those of MIT krb5: a base number and the code of RFC 4120, or one of the
library's own.
"""

import msgspec

from pexschedd.errors import MailboxError, MailboxUnreachable, SignInRefused
from pexschedd.ews.auth.kerberos_names import KerberosService
from pexschedd.ews.envelope import MAX_TEXT

_RFC_4120 = -1765328384


def _rfc(*codes: int) -> tuple[int, ...]:
    return tuple(_RFC_4120 + code for code in codes)


UNKNOWN_CLIENT = _rfc(6)
UNKNOWN_SERVICE = _rfc(7)
_NO_COMMON_CIPHER = _rfc(14)
_REVOKED = _rfc(18)
_EXPIRED = _rfc(23)
# No preauthentication, and it was not right; or the answer could not be read with it.
_WRONG_PASSWORD = (*_rfc(24, 31), -1765328174)
_SKEW = (*_rfc(37), -1765328237)
_WRONG_REALM = _rfc(68)
_NO_KDC = (-1765328228, -1765328230, -1765328164)
_NO_KEY = (-1765328203,)

MISSING = (
    "Kerberos is not installed for this service: install requirements/kerberos.txt as "
    "docs/signing-in.md says (of the Debian package, both are in "
    "/usr/share/doc/pexschedd), and start it again."
)


class KerberosError(Exception):
    """An error of the Kerberos library. `code` is 0 where it gives none."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = " ".join(text.split())[:MAX_TEXT]
        super().__init__(f"{self.text} ({code})")


class Circumstances(msgspec.Struct, frozen=True):
    """The settings and findings that an administrator needs to understand an error."""

    username: str
    realm: str
    service: KerberosService
    kdc: str
    """The configured address of the KDC; empty: found by DNS."""
    keytab: str = ""
    """The file, if the account signs in with one."""
    ahead: float | None = None
    """Seconds by which this machine's clock is ahead of the Exchange server's."""


def sign_in_error(error: KerberosError, of: Circumstances) -> MailboxError:
    """The error for an account that got no ticket for itself."""
    account = f"the account {of.username}"
    kdc = f"The KDC of the realm {of.realm}"
    code = error.code
    if code in _NO_KDC:
        return MailboxUnreachable(_no_kdc(of))
    if code in UNKNOWN_CLIENT:
        said = (
            f"{kdc} knows no account {of.username}. Check the user name: "
            "name@example.com, or the name that the account has in the domain."
        )
    elif code in _WRONG_PASSWORD and of.keytab:
        said = (
            f"{kdc} refuses the key of {account}: the password was changed since the "
            f"keytab {of.keytab} was made. Make a new one."
        )
    elif code in _WRONG_PASSWORD:
        said = f"{kdc} refuses the password of {account}."
    elif code in _NO_KEY:
        said = (
            f"The keytab {of.keytab} has no key for {account}. Make one for exactly "
            "this name (klist -k lists what it has)."
        )
    elif code in _REVOKED:
        said = f"{kdc} says that {account} is locked or disabled. Unlock it."
    elif code in _EXPIRED:
        said = f"The password of {account} has expired: set a new one."
    elif code in UNKNOWN_SERVICE or code in _WRONG_REALM:
        said = (
            f"{of.kdc or 'The KDC that DNS names'} does not serve the realm {of.realm} "
            f"for {of.username}. Check kerberos_realm, usually the name of the "
            "account's domain in capitals, and kerberos_kdc."
        )
    else:
        return _common_error(error, of)
    return SignInRefused(f"Kerberos: {said}")


def ticket_error(error: KerberosError, of: Circumstances) -> MailboxError:
    """The error for an account that is signed in but got no ticket for Exchange."""
    if error.code in UNKNOWN_SERVICE:
        return SignInRefused(
            f"Kerberos: the realm {of.realm} has no account with the service principal "
            f"name {of.service}. Register it for the account that Exchange's services "
            "share (the alternate service account), or for the server itself: "
            f"setspn -S {of.service} <DOMAIN>\\<account>$ - or set "
            "kerberos_exchange_spn to the name that is registered (setspn -Q HTTP/*)."
        )
    if error.code in _NO_KDC:
        return MailboxUnreachable(_no_kdc(of))
    return _common_error(error, of)


def service_error(error: KerberosError, of: Circumstances) -> MailboxError | None:
    """The error for a ticket that Exchange refused; None if it gave no reason."""
    return _common_error(error, of) if error.code in _SKEW else None


def _common_error(error: KerberosError, of: Circumstances) -> MailboxError:
    code = error.code
    if code in _SKEW:
        return SignInRefused(f"Kerberos: {_skew(of)}")
    if code in _NO_COMMON_CIPHER:
        return SignInRefused(
            f"Kerberos: the realm {of.realm} offers no encryption type that this "
            "machine accepts. Allow AES for the account and set its password again: "
            "Set-ADUser <name> -KerberosEncryptionType AES128,AES256"
        )
    return SignInRefused(f"Kerberos: {of.username} cannot sign in: {error.text}.")


def _no_kdc(of: Circumstances) -> str:
    if of.kdc.startswith("https:"):
        return (
            f"Kerberos: no KDC of the realm {of.realm} can be reached through the "
            f"proxy {of.kdc}. Check kerberos_kdc_https_proxy, that its certificate is "
            "trusted (kerberos_verify_tls_using_custom_ca), and that this machine's "
            "Kerberos can speak TLS (on Debian: the package krb5-k5tls)."
        )
    where = f"at {of.kdc}" if of.kdc else "through DNS (SRV _kerberos._tcp)"
    return (
        f"Kerberos: no KDC of the realm {of.realm} can be reached {where}. Check "
        "kerberos_realm and kerberos_kdc, and that nothing blocks TCP port 88."
    )


def _skew(of: Circumstances) -> str:
    mend = "Synchronise both with the domain (NTP); five minutes are allowed."
    if of.ahead is None or abs(of.ahead) < 60:
        return f"the clocks of this machine and of the domain differ too much. {mend}"
    direction = "ahead of" if of.ahead > 0 else "behind"
    minutes, seconds = divmod(round(abs(of.ahead)), 60)
    return (
        f"the clock of this machine is {minutes} minutes and {seconds} seconds "
        f"{direction} that of the Exchange server. {mend}"
    )
