"""Apache with Windows authentication (mod_auth_gssapi) in front of the sandbox.

Each virtual host has a port and is a server of another kind. Who has signed in is
shown to the sandbox by its own way of signing in.
"""

import os
from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tests.net.net_support import Authority, dns
from tests.peers.processes import UNPRIVILEGED, Server
from tests.ports import free_ports

MODULES = "/usr/lib/apache2/modules"
COMMANDS = ("apache2",)
FILES = (
    f"{MODULES}/mod_auth_gssapi.so",
    "/usr/lib/x86_64-linux-gnu/gssntlmssp/gssntlmssp.so",
)
_LOADED = (
    "mpm_event",
    "authn_core",
    "authz_core",
    "authz_user",
    "auth_gssapi",
    "headers",
    "proxy",
    "proxy_http",
    "ssl",
)
_NTLM = ("GssapiAllowedMech ntlmssp",)
_KERBEROS = ("GssapiAllowedMech krb5",)
_BOUND = ("GssapiConnectionBound On", "GssapiSignalPersistentAuth On")
_TLS = ("SSLEngine On",)

KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # For the virtual host, and for the location.
    "ntlm": ((), (*_NTLM, *_BOUND)),
    "ntlm-tls": (_TLS, (*_NTLM, *_BOUND)),
    "negotiate": (
        (),
        (
            *_NTLM,
            *_BOUND,
            # Bare NTLM is nothing that this one knows.
            '<If "%{HTTP:Authorization} =~ /^NTLM/">',
            "GssapiAllowedMech krb5",
            "</If>",
        ),
    ),
    "ntlm-closing": (("MaxKeepAliveRequests 3",), (*_NTLM, *_BOUND)),
    "ntlm-broken": (("KeepAlive Off",), (*_NTLM, *_BOUND)),
    "kerberos": ((), (*_KERBEROS, "GssapiConnectionBound Off")),
    "kerberos-bound": ((), (*_KERBEROS, *_BOUND)),
    "kerberos-tls": (_TLS, (*_KERBEROS, "GssapiConnectionBound Off")),
}


class Apache:
    """Runs until `stop`; `accounts` are lines DOMAIN:name:password for NTLM."""

    def __init__(
        self,
        folder: Path,
        *,
        accounts: list[str],
        keytab: Path | None,
        krb5_config: Path | None,
        authority: Authority,
        ahead: str = "",
        backend: int | None = None,
    ) -> None:
        self._folder = folder
        first = free_ports(len(KINDS) + 1)
        self.ports = {kind: first + n for n, kind in enumerate(KINDS, start=1)}
        self.backend = backend or first
        """The port where the sandbox is expected."""
        server = authority.server(dns("localhost"))
        (folder / "server.pem").write_bytes(
            server.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + server.certificate.public_bytes(serialization.Encoding.PEM)
        )
        (folder / "accounts").write_text("\n".join(accounts) + "\n")
        (folder / "apache.conf").write_text(self._configuration(keytab))
        environment = {"NTLM_USER_FILE": str(folder / "accounts")}
        if krb5_config is not None:
            environment["KRB5_CONFIG"] = str(krb5_config)
        self._server = Server(
            ["apache2", "-D", "FOREGROUND", "-f", str(folder / "apache.conf")],
            environment,
            "resuming normal operations",
            ahead=ahead,
        )

    def url(self, kind: str) -> str:
        scheme = "https" if kind.endswith("-tls") else "http"
        return f"{scheme}://localhost:{self.ports[kind]}/EWS/Exchange.asmx"

    def _configuration(self, keytab: Path | None) -> str:
        folder = self._folder
        lines = [f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in _LOADED]
        lines += [
            f"ServerRoot {folder}",
            "ServerName localhost",
            f"PidFile {folder}/apache.pid",
            f"DefaultRuntimeDir {folder}",
            f"Mutex file:{folder} default",
            "ErrorLog /dev/stderr",
            "LogLevel notice",
            "StartServers 1",
            "ThreadsPerChild 16",
            "MaxRequestWorkers 16",
            "KeepAlive On",
            "MaxKeepAliveRequests 0",
            "KeepAliveTimeout 60",
        ]
        if os.getuid() == 0:
            lines += [f"User {UNPRIVILEGED}", f"Group {UNPRIVILEGED}"]
        for kind, (host, location) in KINDS.items():
            lines += self._host(kind, host, location, keytab)
        return "\n".join(lines) + "\n"

    def _host(
        self,
        kind: str,
        host: tuple[str, ...],
        location: tuple[str, ...],
        keytab: Path | None,
    ) -> list[str]:
        account = b64encode(b"svc@example.test:svc").decode()
        return [
            f"Listen 127.0.0.1:{self.ports[kind]}",
            f"<VirtualHost 127.0.0.1:{self.ports[kind]}>",
            f"SSLCertificateFile {self._folder}/server.pem",
            *host,
            "<Location />",
            "AuthType GSSAPI",
            f'AuthName "{kind}"',
            *location,
            *(
                [f"GssapiCredStore keytab:{keytab}"]
                if keytab is not None and kind.startswith("kerberos")
                else ()
            ),
            "Require valid-user",
            f'RequestHeader set Authorization "Basic {account}"',
            "</Location>",
            f"ProxyPass / http://127.0.0.1:{self.backend}/ disablereuse=on",
            "</VirtualHost>",
        ]

    def stop(self) -> str:
        return self._server.stop()
