"""`twistd exchangesandbox`: the sandbox Exchange alone, on loopback only."""

import ipaddress
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from OpenSSL import crypto
from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python import usage
from twisted.web.client import BrowserLikePolicyForHTTPS

from pexschedd.sandbox.graph.notifications.webhook import WebhookPoster
from pexschedd.sandbox.mailboxes.accounts import AccountsError, read_accounts
from pexschedd.sandbox.server import Sandbox
from pexschedd.sandbox.signin.settings import SignIn

_ESCAPE = re.compile(r"\\(.)")


def check_loopback(endpoint: str) -> None:
    """Raise ValueError unless the endpoint can be reached from this machine only.

    The sandbox issues identity tokens to anybody: it must never be reachable from
    outside.
    """
    parts = re.split(r"(?<!\\):", endpoint)
    kind = parts[0].casefold()
    if kind == "unix":
        return
    interface = ""
    for part in parts[1:]:
        name, equals, value = part.partition("=")
        if equals and name == "interface":
            interface = _ESCAPE.sub(r"\1", value)
    try:
        local = ipaddress.ip_address(interface).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ValueError(
            f"{endpoint!r}: the sandbox listens on loopback only; "
            "add :interface=127.0.0.1"
        )


class SandboxOptions(usage.Options):
    """The command line of `twistd exchangesandbox`."""

    synopsis = "[--listen ENDPOINT] [--accounts FILE] [--sign-in METHODS]"
    longdesc = "A sandbox Exchange server for trying and testing; loopback only."
    optParameters = [
        [
            "listen",
            "l",
            "tcp:8082:interface=127.0.0.1",
            "Where to listen, as a Twisted endpoint string on a loopback address.",
        ],
        ["accounts", "a", None, "A JSON file with the accounts; see docs/sandbox.md."],
        [
            "sign-in",
            None,
            "Basic",
            "Sign-in methods, separated by commas: Basic, NTLM, Negotiate, Bearer.",
        ],
        [
            "channel-binding",
            None,
            "none",
            "Extended Protection over TLS: none, allow or required.",
        ],
        [
            "webhook-ca",
            None,
            None,
            "A PEM file: the authority whose certificates webhooks may show to Graph.",
        ],
    ]

    def postOptions(self) -> None:
        """Check the options, and read the accounts file."""
        try:
            check_loopback(self["listen"])
            # Also says what is wrong with the string itself.
            serverFromString(reactor, self["listen"])
        except ValueError as error:
            raise usage.UsageError(f"--listen: {error}") from None
        wanted = {
            "methods": self["sign-in"].split(","),
            "channel_binding": self["channel-binding"],
        }
        try:
            self["sign_in_read"] = msgspec.convert(wanted, SignIn)
        except msgspec.ValidationError as error:
            raise usage.UsageError(f"--sign-in, --channel-binding: {error}") from None
        self["webhook_trust"] = _webhook_trust(self["webhook-ca"])
        self["accounts_read"] = None
        if self["accounts"] is not None:
            try:
                data = Path(self["accounts"]).read_bytes()
                self["accounts_read"] = read_accounts(data)
            except (OSError, AccountsError) as error:
                raise usage.UsageError(
                    f"--accounts {self['accounts']}: {error}"
                ) from None


def _webhook_trust(path: str | None) -> BrowserLikePolicyForHTTPS:
    """Return the policy for webhooks over TLS. Raises `usage.UsageError`."""
    if path is None:
        return BrowserLikePolicyForHTTPS()
    try:
        authority = Certificate.loadPEM(Path(path).read_bytes())
    except OSError as error:
        raise usage.UsageError(f"--webhook-ca: {error}") from None
    except crypto.Error:
        raise usage.UsageError(
            f"--webhook-ca: {path} must hold a certificate as PEM"
        ) from None
    return BrowserLikePolicyForHTTPS(trustRootFromCertificates([authority]))


Options = SandboxOptions
"""The name under which twistd looks the command line up."""


def makeService(options: SandboxOptions) -> IService:
    """Return the service that twistd runs."""

    def now() -> datetime:
        return datetime.now(UTC)

    sandbox = Sandbox(
        now=now,
        clock=reactor,
        accounts=options["accounts_read"],
        sign_in=options["sign_in_read"],
    )
    poster = WebhookPoster(lambda: reactor, options["webhook_trust"])
    sandbox.graph.subscriptions.post = poster.post
    endpoint = serverFromString(reactor, options["listen"])
    return StreamServerEndpointService(endpoint, sandbox.site())
