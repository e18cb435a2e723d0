"""The probes: each observes one thing and returns its observation, changing nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

from pexschedd.doctor import ews_probes, http_probes
from pexschedd.doctor.diagnose.sources import own_scripts
from pexschedd.doctor.observations import (
    CallResult,
    ConnectResult,
    DiskState,
    HostAddresses,
    HttpResult,
    MailboxKind,
    PaneState,
    ProviderPublished,
)
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.errors import MailboxError
from pexschedd.ews.envelope import Sid
from pexschedd.ews.operations.parts import CALENDAR
from pexschedd.identity.exchange_token import document_url
from pexschedd.identity.openid.documents import configuration_in
from pexschedd.net.handshake_inspection import HandshakeInspection
from pexschedd.net.inspection import inspect

Probe = Callable[[ProbeContext], Awaitable[Any]]
"""Returns one of the types in `observations.py`."""

XML = "text/xml; charset=utf-8"


async def nothing(context: ProbeContext) -> None:
    """Observe nothing: for checks that are judged by the records alone."""


def observation_of(name: str) -> Probe:
    """Return a probe that returns the observation of another check."""

    async def probe(context: ProbeContext) -> Any:
        return context.seen[name]

    return probe


async def exchange_addresses(context: ProbeContext) -> HostAddresses:
    """Resolve the host of the EWS URL."""
    return await http_probes.resolve(context.exchange, context.case.host)


async def exchange_port(context: ProbeContext) -> ConnectResult:
    """Connect to the host and port of the EWS URL."""
    case = context.case
    return await http_probes.connect(context.exchange, case.host, case.port)


async def exchange_certificate(context: ProbeContext) -> HandshakeInspection:
    """Inspect the TLS handshake with Exchange."""
    case = context.case
    return await inspect(
        context.exchange, case.host, case.port, timeout=http_probes.TIMEOUT
    )


async def unauthenticated_post(context: ProbeContext) -> HttpResult:
    """Send an empty request to the EWS URL, without signing in."""
    return await http_probes.request(
        context.exchange,
        context.now,
        context.case.connector.url,
        method="POST",
        body=b"",
        content_type=XML,
    )


async def _call(
    context: ProbeContext, body: bytes, read: Callable[[bytes], Any]
) -> CallResult:
    connector = context.case.connector
    try:
        poster = context.poster
    except MailboxError as error:
        return CallResult(
            HttpResult(connector.url), refused=error.code, refusal=error.message
        )
    mailbox = connector.mailbox_address
    return await ews_probes.call(poster, connector.url, mailbox, body, read)


async def open_mailbox(context: ProbeContext) -> CallResult:
    """Sign in and open the equipment mailbox's inbox, by impersonation."""
    mailbox = context.case.connector.mailbox_address
    return await _call(context, ews_probes.open_folder(mailbox), ews_probes.read_opened)


async def mailbox_kind(context: ProbeContext) -> MailboxKind:
    """Gather what Exchange reveals about the kind of the mailbox."""
    mailbox = context.case.connector.mailbox_address
    asked = await _call(
        context, ews_probes.resolve_names(mailbox), ews_probes.read_resolved
    )
    setting = await mailbox_processing(context)
    return MailboxKind(asked, setting.result or "")


async def mailbox_processing(context: ProbeContext) -> CallResult:
    """Read AutomateProcessing from the mailbox's calendar."""
    mailbox = context.case.connector.mailbox_address
    return await _call(
        context, ews_probes.processing(mailbox), ews_probes.read_processing
    )


async def open_users_calendar(context: ProbeContext) -> CallResult | None:
    """Open the calendar of the user under test; None if there is no such user."""
    user = context.case.user
    if not user:
        return None
    body = ews_probes.open_folder(user, sid=Sid.ANY, name=CALENDAR)
    return await _call(context, body, ews_probes.read_opened)


async def subscription(context: ProbeContext) -> CallResult:
    """Subscribe to the inbox and give the subscription back."""
    mailbox = context.case.connector.mailbox_address
    asked = await _call(
        context, ews_probes.subscribe(mailbox), ews_probes.read_subscribed
    )
    if asked.went_well and asked.result:
        body = ews_probes.unsubscribe(mailbox, asked.result)
        await _call(context, body, ews_probes.read_unsubscribed)
    return asked


async def calls_so_far(context: ProbeContext) -> list[CallResult]:
    """Return the results of all EWS calls of this examination so far."""
    return [each for each in context.seen.values() if isinstance(each, CallResult)]


def metadata(domain: str) -> Probe:
    """Return a probe that fetches the metadata document of `domain`."""

    async def probe(context: ProbeContext) -> HttpResult:
        url = document_url(domain)
        return await http_probes.request(context.exchange, context.now, url)

    return probe


async def token_endpoint(context: ProbeContext) -> HttpResult:
    """Request a token without any secret.

    Only a token endpoint explains what is wrong with such a request.
    """
    connector = context.case.connector
    return await http_probes.request(
        context.exchange,
        context.now,
        connector.oauth_token_endpoint,
        method="POST",
        body=b"grant_type=pexschedd-check",
        content_type="application/x-www-form-urlencoded",
    )


async def openid_documents(context: ProbeContext) -> ProviderPublished:
    """Fetch the add-in's OpenID Connect configuration, and the keys it names."""
    url = context.case.connector.addin_oidc_metadata_url
    network = context.exchange
    configuration = await http_probes.request(network, context.now, url)
    try:
        keys_url = configuration_in(configuration.body, url).keys_url
    except ValueError:
        return ProviderPublished(configuration)
    keys = await http_probes.request(network, context.now, keys_url)
    return ProviderPublished(configuration, keys)


async def addin_addresses(context: ProbeContext) -> HostAddresses:
    """Resolve the host of the add-in server FQDN."""
    return await http_probes.resolve(context.public, context.case.addin_host)


async def addin_port(context: ProbeContext) -> ConnectResult:
    """Connect to the add-in server FQDN."""
    case = context.case
    return await http_probes.connect(context.public, case.addin_host, case.addin_port)


async def addin_certificate(context: ProbeContext) -> HandshakeInspection | None:
    """Inspect the TLS handshake with the add-in's server; None if it has no TLS."""
    case = context.case
    if not case.addin_has_tls:
        return None
    return await inspect(
        context.public, case.addin_host, case.addin_port, timeout=http_probes.TIMEOUT
    )


async def addin_pane(context: ProbeContext) -> PaneState:
    """Load the pane as Outlook does, without signing in."""
    answered = await http_probes.request(
        context.public, context.now, context.case.pane_url
    )
    return PaneState(answered, context.pane())


async def addin_sources(context: ProbeContext) -> tuple[HttpResult, ...]:
    """Load the integration's own copies of scripts, and last the part that office.js
    loads from beside it; nothing where all come from Microsoft."""
    case = context.case
    if not case.connector.use_custom_add_in_sources:
        return ()
    urls = own_scripts(case.connector)
    return tuple(
        [
            await http_probes.request(
                context.public, context.now, url, origin=case.addin_origin
            )
            for url in urls
        ]
    )


async def disk(context: ProbeContext) -> DiskState:
    """Measure the free space of the state folder's disk."""
    return context.disk()
