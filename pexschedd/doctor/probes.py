"""The probes: each looks at one thing and gives what it saw. None changes anything."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from pexschedd.doctor import calls, visits
from pexschedd.doctor.bench import Bench
from pexschedd.doctor.observations import (
    Addresses,
    Answered,
    Asked,
    Disk,
    Documents,
    Kind,
    Pane,
    Reached,
)
from pexschedd.errors import MailboxError
from pexschedd.ews.envelope import Sid
from pexschedd.ews.operations.parts import CALENDAR
from pexschedd.identity.exchange_token import document_url
from pexschedd.net.inspection import Inspection, inspect

Probe = Callable[[Bench], Awaitable[Any]]

XML = "text/xml; charset=utf-8"


async def nothing(_bench: Bench) -> None:
    """For checks that are judged by what is known beforehand."""


def seen(name: str) -> Probe:
    """What another check's probe saw."""

    async def look(bench: Bench) -> Any:
        return bench.seen[name]

    return look


async def exchange_addresses(bench: Bench) -> Addresses:
    return await visits.resolve(bench.exchange, bench.case.host)


async def exchange_port(bench: Bench) -> Reached:
    case = bench.case
    return await visits.reach(bench.exchange, case.host, case.port)


async def exchange_certificate(bench: Bench) -> Inspection:
    case = bench.case
    return await inspect(bench.exchange, case.host, case.port, timeout=visits.TIMEOUT)


async def unsigned_post(bench: Bench) -> Answered:
    """What Exchange says to somebody who does not say who they are."""
    return await visits.visit(
        bench.exchange,
        bench.now,
        bench.case.connector.url,
        method="POST",
        body=b"",
        content_type=XML,
    )


async def _ask(bench: Bench, body: bytes, read: Callable[[bytes], Any]) -> Asked:
    connector = bench.case.connector
    try:
        poster = bench.poster
    except MailboxError as error:
        return Asked(Answered(connector.url), refused=error.code, refusal=error.message)
    mailbox = connector.room_mailbox_email_address
    return await calls.ask(poster, connector.url, mailbox, body, read)


async def open_mailbox(bench: Bench) -> Asked:
    mailbox = bench.case.connector.room_mailbox_email_address
    return await _ask(bench, calls.open_folder(mailbox), calls.read_opened)


async def mailbox_kind(bench: Bench) -> Kind:
    mailbox = bench.case.connector.room_mailbox_email_address
    asked = await _ask(bench, calls.resolve_names(mailbox), calls.read_resolved)
    setting = await mailbox_processing(bench)
    return Kind(asked, setting.result or "")


async def mailbox_processing(bench: Bench) -> Asked:
    mailbox = bench.case.connector.room_mailbox_email_address
    return await _ask(bench, calls.processing(mailbox), calls.read_processing)


async def open_users_calendar(bench: Bench) -> Asked | None:
    user = bench.case.user
    if not user:
        return None
    body = calls.open_folder(user, sid=Sid.ANY, name=CALENDAR)
    return await _ask(bench, body, calls.read_opened)


async def subscription(bench: Bench) -> Asked:
    """Subscribes, and gives the subscription back."""
    mailbox = bench.case.connector.room_mailbox_email_address
    asked = await _ask(bench, calls.subscribe(mailbox), calls.read_subscribed)
    if asked.went_well and asked.result:
        body = calls.unsubscribe(mailbox, asked.result)
        await _ask(bench, body, calls.read_unsubscribed)
    return asked


async def pushed_back(bench: Bench) -> list[Asked]:
    """Every call of this examination so far."""
    return [each for each in bench.seen.values() if isinstance(each, Asked)]


def metadata(domain: str) -> Probe:
    async def look(bench: Bench) -> Answered:
        url = document_url(domain)
        return await visits.visit(bench.exchange, bench.now, url)

    return look


async def token_endpoint(bench: Bench) -> Answered:
    """Asks for a token without any secret: only a token endpoint says what is wrong
    with that."""
    connector = bench.case.connector
    return await visits.visit(
        bench.exchange,
        bench.now,
        connector.oauth_token_endpoint,
        method="POST",
        body=b"grant_type=pexschedd-check",
        content_type="application/x-www-form-urlencoded",
    )


class _Configuration(msgspec.Struct):
    jwks_uri: str = ""


async def openid_documents(bench: Bench) -> Documents:
    url = bench.case.connector.addin_oidc_metadata_url
    configuration = await visits.visit(bench.exchange, bench.now, url)
    try:
        uri = msgspec.json.decode(configuration.body, type=_Configuration).jwks_uri
    except (msgspec.DecodeError, UnicodeError):
        uri = ""
    if configuration.status != 200 or not uri.startswith(("https://", "http://127.")):
        return Documents(configuration)
    return Documents(configuration, await visits.visit(bench.exchange, bench.now, uri))


async def addin_addresses(bench: Bench) -> Addresses:
    return await visits.resolve(bench.public, bench.case.addin_host)


async def addin_port(bench: Bench) -> Reached:
    case = bench.case
    return await visits.reach(bench.public, case.addin_host, case.addin_port)


async def addin_certificate(bench: Bench) -> Inspection | None:
    case = bench.case
    if not case.addin_has_tls:
        return None
    return await inspect(
        bench.public, case.addin_host, case.addin_port, timeout=visits.TIMEOUT
    )


async def addin_pane(bench: Bench) -> Pane:
    answered = await visits.visit(bench.public, bench.now, bench.case.pane_url)
    return Pane(answered, bench.pane())


async def disk(bench: Bench) -> Disk:
    return bench.disk()
