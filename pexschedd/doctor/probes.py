"""The probes: each looks at one thing and gives what it saw. None changes anything."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from pexschedd.doctor import ews_probes, http_probes
from pexschedd.doctor.observations import (
    CallResult,
    ConnectResult,
    DiskState,
    HostAddresses,
    HttpResult,
    MailboxKind,
    OpenIdDocuments,
    PaneState,
)
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.errors import MailboxError
from pexschedd.ews.envelope import Sid
from pexschedd.ews.operations.parts import CALENDAR
from pexschedd.identity.exchange_token import document_url
from pexschedd.net.inspection import HandshakeInspection, inspect

Probe = Callable[[ProbeContext], Awaitable[Any]]

XML = "text/xml; charset=utf-8"


async def nothing(_bench: ProbeContext) -> None:
    """For checks that are judged by what is known beforehand."""


def seen(name: str) -> Probe:
    """What another check's probe saw."""

    async def look(bench: ProbeContext) -> Any:
        return bench.seen[name]

    return look


async def exchange_addresses(bench: ProbeContext) -> HostAddresses:
    return await http_probes.resolve(bench.exchange, bench.case.host)


async def exchange_port(bench: ProbeContext) -> ConnectResult:
    case = bench.case
    return await http_probes.reach(bench.exchange, case.host, case.port)


async def exchange_certificate(bench: ProbeContext) -> HandshakeInspection:
    case = bench.case
    return await inspect(
        bench.exchange, case.host, case.port, timeout=http_probes.TIMEOUT
    )


async def unsigned_post(bench: ProbeContext) -> HttpResult:
    """What Exchange says to somebody who does not say who they are."""
    return await http_probes.visit(
        bench.exchange,
        bench.now,
        bench.case.connector.url,
        method="POST",
        body=b"",
        content_type=XML,
    )


async def _ask(
    bench: ProbeContext, body: bytes, read: Callable[[bytes], Any]
) -> CallResult:
    connector = bench.case.connector
    try:
        poster = bench.poster
    except MailboxError as error:
        return CallResult(
            HttpResult(connector.url), refused=error.code, refusal=error.message
        )
    mailbox = connector.room_mailbox_email_address
    return await ews_probes.ask(poster, connector.url, mailbox, body, read)


async def open_mailbox(bench: ProbeContext) -> CallResult:
    mailbox = bench.case.connector.room_mailbox_email_address
    return await _ask(bench, ews_probes.open_folder(mailbox), ews_probes.read_opened)


async def mailbox_kind(bench: ProbeContext) -> MailboxKind:
    mailbox = bench.case.connector.room_mailbox_email_address
    asked = await _ask(
        bench, ews_probes.resolve_names(mailbox), ews_probes.read_resolved
    )
    setting = await mailbox_processing(bench)
    return MailboxKind(asked, setting.result or "")


async def mailbox_processing(bench: ProbeContext) -> CallResult:
    mailbox = bench.case.connector.room_mailbox_email_address
    return await _ask(bench, ews_probes.processing(mailbox), ews_probes.read_processing)


async def open_users_calendar(bench: ProbeContext) -> CallResult | None:
    user = bench.case.user
    if not user:
        return None
    body = ews_probes.open_folder(user, sid=Sid.ANY, name=CALENDAR)
    return await _ask(bench, body, ews_probes.read_opened)


async def subscription(bench: ProbeContext) -> CallResult:
    """Subscribes, and gives the subscription back."""
    mailbox = bench.case.connector.room_mailbox_email_address
    asked = await _ask(bench, ews_probes.subscribe(mailbox), ews_probes.read_subscribed)
    if asked.went_well and asked.result:
        body = ews_probes.unsubscribe(mailbox, asked.result)
        await _ask(bench, body, ews_probes.read_unsubscribed)
    return asked


async def pushed_back(bench: ProbeContext) -> list[CallResult]:
    """Every call of this examination so far."""
    return [each for each in bench.seen.values() if isinstance(each, CallResult)]


def metadata(domain: str) -> Probe:
    async def look(bench: ProbeContext) -> HttpResult:
        url = document_url(domain)
        return await http_probes.visit(bench.exchange, bench.now, url)

    return look


async def token_endpoint(bench: ProbeContext) -> HttpResult:
    """Asks for a token without any secret: only a token endpoint says what is wrong
    with that."""
    connector = bench.case.connector
    return await http_probes.visit(
        bench.exchange,
        bench.now,
        connector.oauth_token_endpoint,
        method="POST",
        body=b"grant_type=pexschedd-check",
        content_type="application/x-www-form-urlencoded",
    )


class _Configuration(msgspec.Struct):
    jwks_uri: str = ""


async def openid_documents(bench: ProbeContext) -> OpenIdDocuments:
    url = bench.case.connector.addin_oidc_metadata_url
    configuration = await http_probes.visit(bench.exchange, bench.now, url)
    try:
        uri = msgspec.json.decode(configuration.body, type=_Configuration).jwks_uri
    except (msgspec.DecodeError, UnicodeError):
        uri = ""
    if configuration.status != 200 or not uri.startswith(("https://", "http://127.")):
        return OpenIdDocuments(configuration)
    return OpenIdDocuments(
        configuration, await http_probes.visit(bench.exchange, bench.now, uri)
    )


async def addin_addresses(bench: ProbeContext) -> HostAddresses:
    return await http_probes.resolve(bench.public, bench.case.addin_host)


async def addin_port(bench: ProbeContext) -> ConnectResult:
    case = bench.case
    return await http_probes.reach(bench.public, case.addin_host, case.addin_port)


async def addin_certificate(bench: ProbeContext) -> HandshakeInspection | None:
    case = bench.case
    if not case.addin_has_tls:
        return None
    return await inspect(
        bench.public, case.addin_host, case.addin_port, timeout=http_probes.TIMEOUT
    )


async def addin_pane(bench: ProbeContext) -> PaneState:
    answered = await http_probes.visit(bench.public, bench.now, bench.case.pane_url)
    return PaneState(answered, bench.pane())


async def disk(bench: ProbeContext) -> DiskState:
    return bench.disk()
