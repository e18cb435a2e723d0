"""The Kerberos library. Everything here blocks: call it in threads.

Tickets stay in memory, in a cache of their own for each account.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import spnego
from spnego.channel_bindings import GssChannelBindings

from pexschedd.ews.auth.kerberos_faults import (
    MISSING,
    UNKNOWN_CLIENT,
    KerberosError,
)
from pexschedd.ews.auth.kerberos_folder import configured_by
from pexschedd.ews.auth.kerberos_names import KerberosClient, KerberosService


def _optional(name: str) -> Any:
    """A library of the extra; None without it."""
    try:
        return import_module(name)
    except ImportError:
        return None


# pyspnego shows tickets only with both.
krb5: Any = _optional("krb5") if _optional("gssapi") else None


class KerberosTicket(msgspec.Struct, frozen=True):
    """The ticket of an account that has signed in (its ticket-granting ticket)."""

    cache: Any
    name: str
    """The library's name of the cache."""
    expires: float
    """POSIX seconds."""

    def discard(self) -> None:
        """Destroy the ticket, and the tickets that were obtained with it."""
        krb5.cc_destroy(krb5.init_context(), self.cache)


def installed() -> bool:
    """Return whether the libraries of the extra `kerberos` are installed."""
    return krb5 is not None


def sign_in(
    names: Sequence[KerberosClient], password: str, keytab: Path | None, config: Path
) -> KerberosTicket:
    """Obtain a ticket, by the keytab if there is one. Raises `KerberosError`.

    `config` is the library's configuration (krb5.conf): the KDCs that it names for the
    realm are asked, and no others.

    The names are tried in turn as long as the KDC knows none of them; no more than one
    is tried with the password.
    """
    if krb5 is None:
        raise KerberosError(0, MISSING)
    for name in names[:-1]:
        try:
            return _sign_in(name, password, keytab, config)
        except KerberosError as error:
            if error.code not in UNKNOWN_CLIENT:
                raise
    return _sign_in(names[-1], password, keytab, config)


def _sign_in(
    name: KerberosClient, password: str, keytab: Path | None, config: Path
) -> KerberosTicket:
    try:
        with configured_by(config):
            context = krb5.init_context()
        enterprise = krb5.PrincipalParseFlags.enterprise if name.enterprise else 0
        client = krb5.parse_name_flags(context, str(name).encode(), enterprise)
        options = krb5.get_init_creds_opt_alloc(context)
        # Active Directory answers to a UPN with the account's own name.
        krb5.get_init_creds_opt_set_canonicalize(options, True)
        if keytab is not None:
            keys = krb5.kt_resolve(context, f"FILE:{keytab}".encode())
            found = krb5.get_init_creds_keytab(context, client, options, keytab=keys)
        else:
            found = krb5.get_init_creds_password(
                context, client, options, password=password.encode()
            )
        cache = krb5.cc_new_unique(context, b"MEMORY")
        krb5.cc_initialize(context, cache, found.client)
        krb5.cc_store_cred(context, cache, found)
    except krb5.Krb5Error as error:
        raise KerberosError(error.err_code, str(error)) from error
    name_of_cache = f"MEMORY:{(cache.name or b'').decode()}"
    return KerberosTicket(cache, name_of_cache, float(found.times.endtime))


class KerberosProof:
    """One handshake with a service, for which a ticket is obtained."""

    def __init__(
        self, ticket: KerberosTicket, service: KerberosService, binding: bytes | None
    ) -> None:
        self._context = spnego.client(
            spnego.KerberosCCache(ticket.name),
            hostname=service.host,
            service=service.kind,
            protocol="negotiate",
            options=spnego.NegotiateOptions.use_negotiate,
            channel_bindings=GssChannelBindings(application_data=binding)
            if binding is not None
            else None,
        )

    def step(self, token: bytes | None = None) -> bytes:
        """Return the next token to send, from the service's last one.

        Raises `KerberosError`, also for an error that the service reports.
        """
        try:
            return self._context.step(token) or b""
        except Exception as error:  # of many kinds, for bad input
            raise KerberosError(_code(error), str(_root(error))) from error


def _root(error: BaseException) -> BaseException:
    """The library's own exception, inside those that were wrapped around it."""
    inner = getattr(error, "base_error", None) or error.__cause__
    return error if inner is None else _root(inner)


def _code(error: BaseException) -> int:
    code = getattr(_root(error), "min_code", 0)
    return int(code - 2**32 if code >= 2**31 else code)
