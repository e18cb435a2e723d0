"""The management API: one Klein application for the routes of all its parts."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from inspect import isawaitable
from typing import Any, Protocol

from klein import Klein
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException

from pexschedd.history.actor import Actor, current_actor
from pexschedd.identity.administrators import Administrators
from pexschedd.identity.script_tokens import ScriptTokens
from pexschedd.logs import acting
from pexschedd.management.access.permissions import subject_of
from pexschedd.management.admin_log import request_id
from pexschedd.model.accounts.principal import acting_principal
from pexschedd.web.admin.authentication import SignInHeard, heard_by_none, sign_in
from pexschedd.web.admin.errors import admin_error
from pexschedd.web.admin.openapi.document import Route
from pexschedd.web.admin.openapi.operation import methods_at
from pexschedd.web.admin.permission_check import require_permission
from pexschedd.web.routes import (
    Handler,
    ResponseBody,
    client_address,
    correlation_id_of,
    http_error_answer,
    method_not_possible,
    new_app,
    respond,
)


class AdminRoutes(Protocol):
    """The routes of one part of the management API."""

    def add_to(self, api: "AdminApi") -> None:
        """Add each of them to `api`.

        This only names methods: the OpenAPI document is made from parts that were
        never built.
        """


class AdminApi:
    """Serves the routes of all `parts`, to administrators unless they are public."""

    def __init__(
        self,
        administrators: Administrators,
        parts: Iterable[AdminRoutes],
        bearer: ScriptTokens,
        heard: SignInHeard = heard_by_none,
    ) -> None:
        self._heard = heard
        self._administrators = administrators
        self._bearer = bearer
        self.routes: list[Route] = []
        self._handlers: dict[str, Mapping[str, Handler]] = {}
        """The handler of each HTTP method, by the rules of `routes`."""
        for part in parts:
            part.add_to(self)

    def resource(self) -> IResource:
        """Return the resource that is to be served at the root."""
        app = _app_of(tuple(self._handlers)).__get__(self, AdminApi)
        resource: IResource = app.resource()
        return resource

    def add(self, url: str, **handlers: Handler) -> None:
        """Serve `url`, a Werkzeug rule, to administrators.

        `handlers` has one for each HTTP method, in lower case; other methods get a 405.
        The role that it takes is in `management.access.permissions`; each handler is
        `described` for the OpenAPI document.
        """
        signed_in = {
            method: self._for_administrators(url, handler)
            for method, handler in handlers.items()
        }
        self._serve(Route(url, handlers), signed_in)

    def add_public(self, url: str, **handlers: Handler) -> None:
        """Serve `url` to all callers, without credentials. See `add`."""
        self._serve(Route(url, handlers, is_public=True), handlers)

    def _serve(self, route: Route, handlers: Mapping[str, Handler]) -> None:
        """Serve a route by `handlers` in place of its own."""
        self.routes.append(route)
        self._handlers[route.url] = handlers

    def dispatch(self, url: str, request: Request, **segments: Any) -> Any:
        """Answer a request whose path is one of the rule `url`."""
        method = request.method.decode("latin-1").lower()
        # Twisted leaves out the body of the answer to a HEAD.
        handler = self._handlers[url].get("get" if method == "head" else method)
        if handler is None:
            handler = partial(self._refuse, url)
        return respond(handler, request, admin_error, segments)

    def _refuse(self, url: str, request: Request, **segments: Any) -> ResponseBody:
        (route,) = (each for each in self.routes if each.url == url)
        raise method_not_possible(request, methods_at(route.handlers, segments))

    def _for_administrators(self, url: str, handler: Handler) -> Handler:
        async def signed_in(request: Request, **segments: Any) -> ResponseBody:
            principal = await sign_in(
                request, self._administrators, self._bearer, self._heard
            )
            require_permission(request, principal, subject_of(url, segments))
            acting.set(principal.name)
            acting_principal.set(principal)
            request_id.set(correlation_id_of(request))
            current_actor.set(actor_of(request, principal.name))
            result = handler(request, **segments)
            body: ResponseBody = await result if isawaitable(result) else result
            return body

        return signed_in


def actor_of(request: Request, name: str) -> Actor:
    """Return the one in whose name a request changes records."""
    return Actor(name, client_address(request), correlation_id_of(request))


@lru_cache(maxsize=16)
def _app_of(rules: tuple[str, ...]) -> Klein:
    """Return the application that has these rules; each API binds it to itself.

    To compile the rules takes longer than all else about an API: they are the same for
    all the daemons of a process.
    """
    app = new_app()
    app.handle_errors(HTTPException)(_no_route)
    for rule in rules:
        app.route(rule, endpoint=rule)(_dispatcher(rule))
    return app


def _dispatcher(rule: str) -> Callable[..., Any]:
    def dispatch(api: AdminApi, request: Request, **segments: Any) -> Any:
        return api.dispatch(rule, request, **segments)

    return dispatch


def _no_route(self: object, request: IRequest, failure: Failure) -> ResponseBody:
    hint = " /api/admin/ leads to everything there is."
    return http_error_answer(request, failure, admin_error, hint)
