"""Finds the EWS URL of a mailbox by Autodiscover.

The configured addresses are asked first, then the usual ones of the mailbox's domain,
then the hosts of that domain which its SRV records name. The password goes only to a
server that has asked for it over https, with a valid certificate for its name. So what
is not protected is left out: the redirection over plain http, and SRV records that lead
to another domain.
"""

from collections.abc import Callable, Sequence
from urllib.parse import urljoin, urlsplit

from twisted.internet.defer import Deferred

from pexschedd.errors import (
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    SignInRefused,
)
from pexschedd.ews.auth import (
    Authenticator,
    Connection,
    HttpRequest,
    HttpResponse,
)
from pexschedd.ews.autodiscover.messages import (
    MAX_LENGTH,
    Discovery,
    FoundUrl,
    NoUrl,
    OtherAddress,
    OtherUrl,
    build_request,
    is_soap,
    parse_answer,
)
from pexschedd.ews.autodiscover.service_records import (
    LookUp,
    look_up_services,
    named_servers,
)
from pexschedd.ews.error_messages import connection_error
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.factory import (
    choose_authenticator,
    is_mail_address,
    target_of,
)
from pexschedd.ews.transport.transport import Transport
from pexschedd.model.fields.addresses import is_loopback
from pexschedd.net.errors import ConnectionFailure
from pexschedd.util.cancellation import ended_by_cancelling, shield

LIMITS = ConnectionLimits(
    connections=1, deadline=20.0, connect=10.0, max_answer=256 * 1024
)
MOST_STEPS = 12
"""Requests for one mailbox, redirections included."""
_REDIRECTIONS = (301, 302, 303, 307, 308)
_SHOWN = 6
"""Tries that an error tells of."""


class _Anonymous:
    """Sends requests as they are."""

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        return await connection.send(request)


class _Trail:
    """The tries for one mailbox."""

    def __init__(self) -> None:
        self.steps = 0
        self.seen: set[str] = set()
        self.reasons: list[str] = []
        self.unreachable = 0
        self.refused: SignInRefused | None = None


class Autodiscover:
    """Asks for the EWS URLs of mailboxes.

    `account_at` returns the account that signs in at an address; `addresses` are the
    configured ones. `look_up` finds SRV records.
    """

    def __init__(
        self,
        account_at: Callable[[str], EwsAccount],
        addresses: Sequence[str] = (),
        look_up: LookUp = look_up_services,
    ) -> None:
        self._account_at = account_at
        self._addresses = tuple(addresses)
        self._look_up = look_up

    async def find(self, email: str) -> str:
        """Return the EWS URL of a mailbox. Raises what `find_server` does."""
        return (await self.find_server(email)).url

    async def find_server(self, email: str) -> FoundUrl:
        """Return the EWS URL of a mailbox, with its group.

        Raises `MailboxRefused` if no server knows it, `SignInRefused` if one does not
        let the account in, and `MailboxUnreachable` if there was no answer at all.
        """
        if not is_mail_address(email):
            raise MailboxRefused(f'"{email}" is no email address.')
        trail = _Trail()
        asked = email
        for _ in range(3):
            found = await self._of_address(asked, trail)
            if isinstance(found, FoundUrl):
                return found
            if not isinstance(found, OtherAddress) or not is_mail_address(found.email):
                break
            asked = found.email
        raise _error(email, trail)

    async def _of_address(self, email: str, trail: _Trail) -> Discovery:
        domain = email.rpartition("@")[2].lower()
        for url in (*self._addresses, *usual_addresses(domain)):
            found = await self._follow(url, email, trail)
            if not isinstance(found, NoUrl):
                return found
        for server in await named_servers(domain, self._look_up):
            if not server.is_of(domain):
                trail.reasons.insert(
                    0,
                    f"the SRV record of {domain} names {server.host}, which is of "
                    f"another domain: if it is yours, enter {server.addresses[0]}",
                )
                continue
            for url in server.addresses:
                found = await self._follow(url, email, trail)
                if not isinstance(found, NoUrl):
                    return found
        return NoUrl("")

    async def _follow(self, url: str, email: str, trail: _Trail) -> Discovery:
        """Ask at an address, and wherever it leads."""
        key = f"{email} {url}"
        while trail.steps < MOST_STEPS and key not in trail.seen:
            trail.steps += 1
            trail.seen.add(key)
            found = await self._ask(url, email, trail)
            if isinstance(found, FoundUrl):
                if _is_safe(found.url, url):
                    return found
                found = NoUrl(f"its EWS URL {found.url[:100]} is not https")
            if not isinstance(found, OtherUrl):
                if isinstance(found, NoUrl) and found.reason:
                    trail.reasons.append(f"{_host(url)}: {found.reason}")
                return found
            following = _joined(url, found.url)
            if not _is_safe(following, ""):
                trail.reasons.append(
                    f"{_host(url)}: it leads to {following[:100]}, which is not https"
                )
                break
            url, key = following, f"{email} {following}"
        return NoUrl("")

    async def _ask(self, url: str, email: str, trail: _Trail) -> Discovery:
        try:
            account = self._account_at(url)
            response = await self._post(account, _Anonymous(), email)
            if response.status == 401:
                authenticator = choose_authenticator(account)
                response = await self._post(account, authenticator, email)
        except ConnectionFailure as failure:
            error = connection_error(failure, target_of(self._account_at(url), email))
            trail.unreachable += 1
            return NoUrl(_without_end(error.message))
        except SignInRefused as refused:
            trail.refused = refused
            return NoUrl(_without_end(refused.message))
        except MailboxError as error:
            return NoUrl(_without_end(error.message))
        if response.status == 401:
            trail.refused = SignInRefused(
                f"Autodiscover at {_host(url)} refuses the account {account.username}. "
                "Check its user name and password, and the authentication method."
            )
            return NoUrl("it refuses the account")
        if response.status in _REDIRECTIONS:
            location = response.headers.get("location", "")[:MAX_LENGTH]
            return OtherUrl(location) if location else NoUrl("it leads nowhere")
        if response.status != 200 and not (response.status == 500 and is_soap(url)):
            return NoUrl(f"it answers with the status {response.status}")
        return parse_answer(response.body, soap=is_soap(url))

    async def _post(
        self, account: EwsAccount, authenticator: Authenticator, email: str
    ) -> HttpResponse:
        transport = Transport(
            account.url,
            authenticator,
            network=account.network,
            clock=account.clock or account.network.reactor,
            limits=LIMITS,
        )
        try:
            request = build_request(account.url, email)
            posting = transport.post(request, mailbox=email, repeatable=True)
            return await ended_by_cancelling(Deferred.fromCoroutine(posting))
        finally:
            # A search that is broken off must not break off this, too.
            await shield(Deferred.fromCoroutine(transport.close()))


def usual_addresses(domain: str) -> tuple[str, ...]:
    """Return the addresses at which clients look for a domain's Autodiscover. The
    domain's own web site comes last: it is often somebody else's."""
    return tuple(
        f"https://{host}/autodiscover/autodiscover.{kind}"
        for host in (f"autodiscover.{domain}", domain)
        for kind in ("xml", "svc")
    )


def _is_safe(url: str, asked: str) -> bool:
    """Return whether a URL of an answer may be used: https, or this machine if this
    machine has answered."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        here = urlsplit(asked).hostname or ""
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    if parts.scheme == "https":
        return True
    is_plain = parts.scheme == "http" and asked.startswith("http://")
    return is_plain and is_loopback(host) and is_loopback(here)


def _joined(asked: str, location: str) -> str:
    """The URL that an address leads to; one that is none stays as it is, and is not
    safe."""
    try:
        return urljoin(asked, location)
    except ValueError:
        return location


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _without_end(message: str) -> str:
    return message.rstrip(".")


def _error(email: str, trail: _Trail) -> MailboxError:
    if trail.refused is not None:
        return trail.refused
    reasons = "; ".join(dict.fromkeys(trail.reasons[:_SHOWN])) or "nobody answers"
    message = (
        f"Autodiscover finds no Exchange server for {email}. {reasons}. Enter the EWS "
        "URL of the deployment, or the URL of its Autodiscover."
    )
    if trail.unreachable and trail.unreachable == trail.steps:
        return MailboxUnreachable(message)
    return MailboxRefused(message)
