"""Users' sign-in for personal rooms: the pane's requests, and the window's pages.

Under `<prefix>/<connector id>/`:

POST   sign_in               begins an attempt: for whom, if a header `token` says so,
                             and in which language its pages are (header `language`)
GET    sign_in/start/<code>  the window: on to the identity provider
POST   sign_in/start/<code>  the same, after the person has agreed
GET    sign_in               header `attempt`: how it goes, and the session
DELETE sign_in               header `attempt`: cancels
DELETE session               headers `session`, `token`: signs out

and under the prefix itself, with and without a slash at its end:

GET    oauth_redirect        the window comes back from the identity provider
POST   oauth_redirect        the same, after the person has agreed

A window that this server's pane has opened is sent on at once. Any other one is asked
first: the address may have come in a message from somebody who wants to be signed in
as the reader. So a page that only looks at the address uses nothing up, either. The
provider's address may have been sent as well: a browser that was not sent on from here
is asked when it comes back. It is known by a cookie, which only the window has, never
the pane, and which opens nothing.
"""

from collections.abc import Callable

from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.errors import InvalidToken, PexscheddError, Unavailable
from pexschedd.history.audit_entries import (
    ACCEPTED,
    REFUSED,
    USER,
    HeardSignIn,
    SignInListener,
    ignore_sign_in,
)
from pexschedd.identity.personal.attempts import LIFETIME, AttemptFailure, Phase
from pexschedd.identity.personal.faults import SignInOver
from pexschedd.identity.personal.sign_in import (
    SIGNING_IN_TEXT,
    UserSignIns,
    WindowOutcome,
)
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.web.addin.callers import (
    HasComeByMail,
    VerifyToken,
    require_personal_connector,
    secret_of,
    success,
)
from pexschedd.web.addin.page_words import language_tag
from pexschedd.web.addin.rates import UNLIMITED, RequestRates
from pexschedd.web.addin.sanitiser import sanitise
from pexschedd.web.addin.sign_in_pages import UserSignInPages
from pexschedd.web.browsers import (
    browser_secret,
    is_from_own_form,
    is_from_own_page,
    keep_browser_secret,
    other_site,
    redirect_arguments,
)
from pexschedd.web.routes import (
    Forbidden,
    ResponseBody,
    client_address,
    client_network,
    correlation_id_of,
    new_app,
    register_http_errors,
    route,
    status_of,
)

GROUPS = ("sign_in", "session", "oauth_redirect")
"""The names in the paths of this group: see `route_groups`."""

_PATH = "/<int:connector_id>"
_START = f"{_PATH}/sign_in/start/<string:code>"
_REDIRECT = "/oauth_redirect"

_WAITING = frozenset((Phase.NEW, Phase.STARTED, Phase.EXCHANGING))


class UserSignInRoutes:
    """Routes of users who sign in; `connectors` gives an integration by its id.

    `counted` is told the integration's name and the outcome of each sign-in that came
    back: "done", or the code of the failure; `heard` hears of these sign-ins as well.
    """

    app = new_app()
    register_http_errors(app)
    _log = Logger()

    def __init__(
        self,
        connectors: Callable[[int], Connector | None],
        verify: VerifyToken,
        has_come_by_mail: HasComeByMail,
        sign_ins: UserSignIns,
        pages: UserSignInPages,
        rates: RequestRates = UNLIMITED,
        counted: Callable[[str, str], object] = lambda integration, outcome: None,
        heard: SignInListener = ignore_sign_in,
    ) -> None:
        self._connectors = connectors
        self._verify = verify
        self._has_come_by_mail = has_come_by_mail
        self._sign_ins = sign_ins
        self._pages = pages
        self._rates = rates
        self._counted = counted
        self._heard = heard

    @route(app, f"{_PATH}/sign_in", methods=("POST",))
    async def begin(self, request: Request, connector_id: int) -> ResponseBody:
        """Begin an attempt for the pane that asks."""
        connector = require_personal_connector(self._connectors, connector_id)
        address = client_network(request)
        self._rates.count(user="", address=address)
        new = self._sign_ins.begin(
            connector,
            exchange_user=await self._exchange_user(connector, request),
            address=address,
            language=language_tag(str(request.getHeader("language") or "")),
        )
        result = {
            "attempt": new.attempt,
            "start": f"sign_in/start/{new.start}",
            "expires_in": int(LIFETIME),
        }
        return success(request, result)

    @route(app, f"{_PATH}/sign_in")
    def progress(self, request: Request, connector_id: int) -> ResponseBody:
        """Answer how the pane's attempt goes, with its session once it is done."""
        connector = require_personal_connector(self._connectors, connector_id)
        try:
            attempt = self._sign_ins.progress(connector, secret_of(request, b"attempt"))
        except SignInOver as error:
            over = AttemptFailure(error.code, SIGNING_IN_TEXT, error.message, "")
            return success(request, self._failed(connector, request, over))
        if attempt.phase in _WAITING:
            return success(request, {"state": "waiting"})
        if attempt.failure is not None:
            answer = self._failed(connector, request, attempt.failure)
            return success(request, answer)
        user = attempt.user
        assert user is not None  # noqa: S101 - it is done
        result = {
            "state": "done",
            "session": attempt.session,
            "user": {"name": user.name, "email": user.email},
        }
        return success(request, result)

    @route(app, f"{_PATH}/sign_in", methods=("DELETE",))
    def cancel(self, request: Request, connector_id: int) -> ResponseBody:
        """Forget the pane's attempt."""
        connector = require_personal_connector(self._connectors, connector_id)
        self._sign_ins.cancel(connector, secret_of(request, b"attempt"))
        return success(request, None)

    @route(app, f"{_PATH}/session", methods=("DELETE",))
    async def sign_out(self, request: Request, connector_id: int) -> ResponseBody:
        """End the session, and forget which Exchange user its user is."""
        connector = require_personal_connector(self._connectors, connector_id)
        self._rates.count(user="", address=client_network(request))
        await self._sign_ins.sign_out(
            connector,
            session=secret_of(request, b"session"),
            exchange_user=await self._exchange_user(connector, request),
        )
        return success(request, None)

    @route(app, _START)
    def start(self, request: Request, connector_id: int, code: str) -> ResponseBody:
        """Send the window on, or ask the person first."""
        try:
            connector = require_personal_connector(self._connectors, connector_id)
            if request.method == b"GET" and is_from_own_page(request):
                return self._go(request, connector, code)
            if not self._sign_ins.is_waiting(connector, code):
                raise SignInOver
        except PexscheddError as error:
            return self._problem(request, error)
        return self._pages.confirm(request, connector)

    @route(app, _START, methods=("POST",))
    def agree(self, request: Request, connector_id: int, code: str) -> ResponseBody:
        """Send the window on: the person has said so on our own page."""
        try:
            connector = require_personal_connector(self._connectors, connector_id)
            _require_own_form(request)
            return self._go(request, connector, code)
        except PexscheddError as error:
            return self._problem(request, error)

    @route(app, _REDIRECT)
    @route(app, f"{_REDIRECT}/")
    async def come_back(self, request: Request) -> ResponseBody:
        """Finish the attempt with what the identity provider says.

        A browser that did not begin it is asked first, as for the start.
        """
        if request.method == b"HEAD":
            return b""
        answer = redirect_arguments(request)
        asked = self._sign_ins.begun_elsewhere(answer, browser_secret(request))
        if asked is not None:
            return self._pages.confirm(request, asked)
        return await self._finish(request, answer)

    @route(app, _REDIRECT, methods=("POST",))
    @route(app, f"{_REDIRECT}/", methods=("POST",))
    async def agree_at_the_end(self, request: Request) -> ResponseBody:
        """Finish the attempt: the person has said so on our own page."""
        try:
            _require_own_form(request)
        except Forbidden as error:
            return self._problem(request, error)
        return await self._finish(request, redirect_arguments(request))

    async def _finish(self, request: Request, answer: dict[str, str]) -> ResponseBody:
        outcome = await self._sign_ins.finish(answer, correlation_id_of(request))
        if outcome.connector is not None:
            code = outcome.failure.code if outcome.failure is not None else "done"
            self._counted(outcome.connector.name, code)
            self._heard(_heard_of(request, outcome.connector, outcome))
        return self._pages.outcome(request, outcome)

    def _go(self, request: Request, connector: Connector, code: str) -> ResponseBody:
        browser = browser_secret(request) or self._sign_ins.new_browser()
        url = self._sign_ins.start(connector, code, browser)
        keep_browser_secret(request, browser, int(LIFETIME))
        request.setResponseCode(303)
        request.responseHeaders.setRawHeaders(b"location", [url.encode("ascii")])
        return b""

    def _problem(self, request: Request, error: PexscheddError) -> ResponseBody:
        failure = AttemptFailure(
            error.code,
            SIGNING_IN_TEXT,
            error.public or error.message,
            correlation_id_of(request),
        )
        outcome = WindowOutcome(None, failure=failure)
        return self._pages.outcome(request, outcome, status_of(error))

    def _failed(
        self, connector: Connector, request: Request, failure: AttemptFailure
    ) -> dict[str, object]:
        return {
            "state": "failed",
            "code": failure.code,
            "message": failure.message,
            "text": sanitise(getattr(connector, failure.text_field)),
            "text_field": failure.text_field,
            "retry": failure.can_retry,
            "correlation_id": failure.correlation_id or correlation_id_of(request),
        }

    async def _exchange_user(self, connector: Connector, request: Request) -> str:
        """Return the verified user of the request's token; empty without one.

        A token that cannot be verified does not hinder: the sign-in does not need it,
        it only spares the next one. Nor does one that has come by mail, which may be
        anybody's who could read it there.
        """
        token = secret_of(request, b"token")
        if not token:
            return ""
        try:
            user = await self._verify(connector, token)
        except (InvalidToken, Unavailable) as error:
            reason = error.message
        else:
            if not self._has_come_by_mail(token):
                return user.user_id
            reason = "The token has come by mail, where others can read it."
        self._log.warn(
            "sign-in goes on without the add-in's token integration={integration} "
            "reason={reason}",
            integration=connector.id,
            correlation_id=correlation_id_of(request),
            reason=reason,
        )
        return ""


def _heard_of(
    request: Request, connector: Connector, outcome: WindowOutcome
) -> HeardSignIn:
    failure = outcome.failure
    return HeardSignIn(
        kind=USER,
        outcome=ACCEPTED if failure is None else REFUSED,
        account=outcome.user.email if outcome.user is not None else "",
        method="openid",
        resource=tables.CONNECTOR.name,
        object_id=connector.id,
        object_name=connector.name,
        reason="" if failure is None else failure.code,
        address=client_address(request),
        correlation_id=correlation_id_of(request),
    )


def _require_own_form(request: Request) -> None:
    if not is_from_own_form(request):
        raise Forbidden(other_site(request))
