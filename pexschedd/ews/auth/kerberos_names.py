"""Accounts and services, as Kerberos and Active Directory name them. Pure."""

import re

import msgspec

_PART = re.compile(r"[^\s\x00/@{}]+")
_REALM = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


class KerberosClient(msgspec.Struct, frozen=True):
    """An account. An `enterprise` name is one that the realm looks up: a UPN."""

    name: str
    realm: str
    enterprise: bool = False

    def __str__(self) -> str:
        return f"{self.name}@{self.realm}"


class KerberosService(msgspec.Struct, frozen=True):
    """A service that a ticket is for, such as `HTTP/mail.example.com`.

    `realm` is empty unless it is configured.
    """

    kind: str
    host: str
    realm: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.host}"


def realm_of(text: str) -> str:
    """Return the name of a realm. Raises ValueError saying what is wrong with it."""
    text = text.strip()
    if _REALM.fullmatch(text) is None:
        raise ValueError(
            f'kerberos_realm: "{text}" is not a realm; it should look like EXAMPLE.COM'
        )
    return text


def clients(username: str, realm: str) -> list[KerberosClient]:
    """The accounts that a user name may stand for, the likeliest first.

    `name` and `DOMAIN\\name` are the account's name. In `name@example.com` the suffix
    may be the realm, or one of the UPN suffixes of the forest. Raises ValueError for
    what is not a user name.
    """
    name = username.strip().rpartition("\\")[2]
    account, at, suffix = name.rpartition("@")
    if not at:
        account = name
    if _PART.fullmatch(account) is None or (at and not suffix):
        raise ValueError(
            f'username: "{username}" is not a user name; it should look like '
            "name@example.com"
        )
    if not at:
        return [KerberosClient(name, realm)]
    by_suffix = KerberosClient(name, realm, enterprise=True)
    if suffix.casefold() == realm.casefold():
        return [KerberosClient(account, realm), by_suffix]
    return [by_suffix]


def service_of(text: str, host: str) -> KerberosService:
    """Parse a service principal name; without one, the name of the web server `host`.

    Raises ValueError saying what is wrong with it.
    """
    if not text.strip():
        return KerberosService("HTTP", host)
    name, _, realm = text.strip().partition("@")
    kind, _, target = name.partition("/")
    if _PART.fullmatch(kind) is None or _PART.fullmatch(target) is None:
        raise ValueError(
            f'kerberos_exchange_spn: "{text}" is not a service principal name; it '
            "should look like HTTP/mail.example.com"
        )
    return KerberosService(kind, target, realm_of(realm) if realm else "")
