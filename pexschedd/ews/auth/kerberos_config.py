"""The configuration of the Kerberos library (krb5.conf). Pure.

The library reads one file for the whole process, so all integrations are in it.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

import msgspec

from pexschedd.ews.auth.kerberos_names import KerberosService

_HEAD = """\
# Written by pexschedd from its integrations; changes are overwritten.
[libdefaults]
    dns_lookup_kdc = true
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    # Tickets of Active Directory rarely fit into a datagram, and a host that refuses
    # a connection says so at once.
    udp_preference_limit = 1
    default_ccache_name = MEMORY:
"""


class KerberosRealm(msgspec.Struct, frozen=True):
    """A realm, and the way to its key distribution centres."""

    name: str
    kdc: str = ""
    """Host, and port if it is not the usual one. Empty: from DNS."""
    proxy: str = ""
    """https URL of a KDC proxy (MS-KKDCP), which is then the only way."""
    anchors: str = ""
    """File with the certificates that the proxy is verified with. Empty: the
    system's."""
    service: KerberosService | None = None
    """A service whose realm is configured rather than looked up."""


def proxy_url(url: str, *, tls: bool = True) -> str:
    """The URL of a KDC proxy with its usual path.

    Raises ValueError saying what is wrong with the settings.
    """
    if not url.strip():
        return ""
    parts = urlsplit(url.strip())
    if not tls or parts.scheme != "https":
        raise ValueError(
            "kerberos_kdc_https_proxy: a KDC proxy is reached over TLS only; its "
            "address begins with https, and kerberos_enable_tls has to be on"
        )
    path = parts.path if parts.path.strip("/") else "/KdcProxy"
    return urlunsplit(("https", parts.netloc, path, "", ""))


def krb5_conf(realms: Iterable[KerberosRealm]) -> str:
    """The configuration for these realms, of which several may have one name."""
    kdcs: dict[str, list[str]] = {}
    anchors: dict[str, list[str]] = {}
    homes: dict[str, str] = {}
    for realm in realms:
        kdc = realm.proxy or realm.kdc
        _add(kdcs, realm.name, kdc)
        _add(anchors, realm.name, f"FILE:{realm.anchors}" if realm.anchors else "")
        if realm.service is not None and realm.service.realm:
            homes[realm.service.host.lower()] = realm.service.realm
    lines = [_HEAD, "[realms]"]
    for name in sorted(kdcs):
        lines.append(f"    {name} = {{")
        for kdc in map(_value, kdcs[name]):
            # Each is a primary one as well, or the library would look for those in
            # DNS, and show them a password that was refused, again.
            lines += [f"        kdc = {kdc}", f"        master_kdc = {kdc}"]
        lines += [f"        http_anchors = {_value(file)}" for file in anchors[name]]
        lines.append("    }")
    lines += ["", "[domain_realm]"]
    lines += [f"    {_value(host)} = {realm}" for host, realm in sorted(homes.items())]
    return "\n".join(lines) + "\n"


def _add(values: dict[str, list[str]], name: str, value: str) -> None:
    found = values.setdefault(name, [])
    if value and value not in found:
        found.append(value)


def _value(text: str) -> str:
    """A text without the characters that the file's syntax cannot quote."""
    return "".join(c for c in text if c.isprintable() and c not in "{}\"'#;= ")
