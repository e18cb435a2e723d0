"""Reasons for a refused sign-in of the service account (HTTP 401), and remedies. Pure.

The server says what it offers and nearly nothing else, so this says what was used, what
that usually means, and the line of PowerShell that changes it.
"""

import re
from collections.abc import Mapping

import msgspec

from pexschedd.errors import SignInRefused
from pexschedd.ews.auth.challenges import AuthChallenge, challenges
from pexschedd.ews.envelope import MAX_TEXT


class _Method(msgspec.Struct, frozen=True):
    """A way to sign in."""

    name: str
    schemes: tuple[str, ...]
    """Any of them has to be offered."""
    switch: str
    """The parameter that makes the EWS virtual directory offer it."""


_METHODS = {
    "BASIC": _Method("Basic authentication", ("basic",), "BasicAuthentication"),
    "NTLM": _Method("NTLM", ("ntlm", "negotiate"), "WindowsAuthentication"),
    "KERBEROS": _Method("Kerberos", ("negotiate",), "WindowsAuthentication"),
    "OAUTH": _Method("OAuth", ("bearer",), "OAuthAuthentication"),
    "APP_PERM": _Method("OAuth", ("bearer",), "OAuthAuthentication"),
}

_NAMES = {
    "basic": "Basic",
    "ntlm": "NTLM",
    "negotiate": "Negotiate",
    "bearer": "OAuth (Bearer)",
}

_INSTEAD = {
    # What is offered, and which setting uses it.
    "ntlm": "NTLM",
    "negotiate": "NTLM or KERBEROS",
    "basic": "BASIC",
    "bearer": "OAUTH or APP_PERM",
}


def not_signed_in(
    *, host: str, username: str, method: str, offered: str, diagnostics: str = ""
) -> SignInRefused:
    """`method` is how it was tried, as the integration's `authentication_method`.

    `offered` are all WWW-Authenticate headers, `diagnostics` is x-ms-diagnostics.
    """
    way = _METHODS[method]
    found = challenges(offered)
    schemes = [each.scheme for each in found]
    if schemes and not set(schemes) & set(way.schemes):
        return SignInRefused(_not_offered(host, way, schemes))
    name = host.partition(":")[0]
    why = {
        "BASIC": _basic,
        "NTLM": _ntlm,
        "KERBEROS": _kerberos,
        "OAUTH": _oauth,
        "APP_PERM": _app_perm,
    }[method](name, username, _said(found, diagnostics))
    who = "the application" if method == "APP_PERM" else f"the account {username}"
    return SignInRefused(
        f"{host} did not let {who} sign in with {way.name} (HTTP 401): {why}"
        + ("" if schemes else f" {_nothing_offered(way)}")
    )


def _not_offered(host: str, way: _Method, schemes: list[str]) -> str:
    known = [_NAMES.get(each, each[:20]) for each in dict.fromkeys(schemes)]
    instead = next((_INSTEAD[each] for each in _INSTEAD if each in schemes), "")
    return (
        f"{host} does not offer {way.name}, only {_listed(known)} (HTTP 401). Switch "
        f"it on: {_switch(way)}"
        + (f" - or set the authentication method to {instead}." if instead else ".")
    )


def _nothing_offered(way: _Method) -> str:
    return (
        "The server does not say which ways to sign in it offers; check that "
        f"{way.name} is one: {_switch(way)}"
    )


def _switch(way: _Method) -> str:
    return (
        "Get-WebServicesVirtualDirectory -Server <server> | "
        f"Set-WebServicesVirtualDirectory -{way.switch} $true"
    )


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


_WRONG = (
    "the user name or the password is wrong, or the account is locked, disabled or its "
    "password has expired."
)


def _basic(_name: str, _username: str, _said: str) -> str:
    return f"{_WRONG} The user name is EXAMPLE\\name or name@example.com."


def _ntlm(_name: str, _username: str, _said: str) -> str:
    return (
        f"{_WRONG} If they are right: with Extended Protection, Exchange refuses NTLM "
        "when a load balancer or proxy ends TLS with a certificate other than "
        "Exchange's own; let it pass TLS through, or give it the same certificate "
        "(Get-WebServicesVirtualDirectory | Format-List *ExtendedProtection*). A "
        "balancer that shares connections among clients breaks NTLM, too. Event 4625 "
        "in the server's security log has the reason: status 0xC000006A is a wrong "
        "password, 0xC000035B Extended Protection."
    )


def _kerberos(name: str, _username: str, _said: str) -> str:
    return (
        "the domain issued a ticket for Exchange, but Exchange does not accept it. The "
        "service principal name has to belong to the account under which Exchange's "
        f"services run (the alternate service account): setspn -Q HTTP/{name} shows "
        f"which has it, setspn -S HTTP/{name} <DOMAIN>\\<account>$ gives it to one. "
        "After a new password of that account, all servers need it. With Extended "
        "Protection, a load balancer or proxy that ends TLS needs Exchange's own "
        "certificate."
    )


def _oauth(name: str, _username: str, said: str) -> str:
    return (
        f"the access token was refused{said}. It has to be for the audience (resource) "
        f"https://{name} - of Exchange Online https://outlook.office365.com - with the "
        "scope EWS.AccessAsUser.All, and of a user who has a mailbox."
    )


def _app_perm(name: str, _username: str, said: str) -> str:
    return (
        f"the access token was refused{said}. It has to be for the audience (resource) "
        f"https://{name} - of Exchange Online https://outlook.office365.com - with the "
        "application role full_access_as_app, or a role assignment of the kind "
        "Application EWS.AccessAsApp, granted by an administrator."
    )


_REASON = re.compile(r'reason\s*=\s*"([^"]*)"')


def _said(found: list[AuthChallenge], diagnostics: str) -> str:
    """The server's own words about a token, in parentheses."""
    reason = _REASON.search(diagnostics)
    words = reason[1] if reason else diagnostics
    if not words:
        parameters: Mapping[str, str] = next(
            (each.parameters for each in found if each.scheme == "bearer"), {}
        )
        words = parameters.get("error_description") or parameters.get("error", "")
    words = "".join(c if c.isprintable() else " " for c in words)
    words = " ".join(words.split())[:MAX_TEXT]
    return f' ("{words}")' if words else ""
