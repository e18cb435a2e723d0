"""The route to which Microsoft Graph posts that something has arrived in a mailbox.

    POST <prefix>/<connector id>/change_notifications/<key>?validationToken=<token>
    POST <prefix>/<connector id>/change_notifications/<key>
    {"value": [{"subscriptionId": "...", "clientState": "...", ...}]}

It is public, and a part of the add-in's address: Graph reaches it as Outlook reaches
the add-in. The first kind asks whether the address is right, and is answered with the
token as plain text while a subscription is being made. The second kind is answered 202
at once, whatever it holds for us: all that follows is a look into the mailbox.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.web.resource import IResource
from twisted.web.server import Request

from pexschedd.errors import NotFound, PexscheddError
from pexschedd.identity.exchange_token import addin_url
from pexschedd.util.token_bucket import Rate
from pexschedd.web.addin.rates import NO_BOUND, RequestRates
from pexschedd.web.routes import (
    BadRequest,
    ResponseBody,
    body_of,
    client_error,
    client_network,
    correlation_id_of,
    empty_response,
    new_app,
    register_http_errors,
    route,
)

GROUP = "change_notifications"
"""The name of the group in `AddinRouteGroups`."""

POSTS_PER_ADDRESS = Rate(6000, 3000)
"""Graph posts from a few addresses, for all mailboxes and at once after a pause."""


class Webhook(Protocol):
    """One integration's webhook, as this route sees it."""

    def validate(self, token: str) -> bool:
        """Return whether a question for validation is answered with its token."""

    def post(self, body: bytes) -> None:
        """Take what was posted, at once. Raises `ValueError` if it is unreadable."""


FindWebhook = Callable[[int, str], Webhook | None]
"""Gives the webhook of an integration with this key."""


def webhook_url(addin_server_domain: str, connector_id: int, key: str) -> str:
    """Return the address at which an integration is told of changes."""
    pane = addin_url(addin_server_domain, connector_id)
    return f"{pane.rpartition('/')[0]}/{GROUP}/{key}"


class ChangeNotificationRoutes:
    """The webhooks' route. `app.resource()` is a group of `AddinRouteGroups`.

    A request that is none of Graph's is refused without a log line of its own, as
    anybody may send any number of them: `find` and the webhooks count them.
    """

    app = new_app()
    register_http_errors(app)

    def __init__(self, find: FindWebhook, rates: RequestRates) -> None:
        self._find = find
        self._rates = rates

    @route(
        app,
        f"/<int:connector_id>/{GROUP}/<string:key>",
        methods=("POST",),
    )
    def notify(self, request: Request, connector_id: int, key: str) -> ResponseBody:
        """Answer a question for validation, or take notifications."""
        self._rates.count(user="", address=client_network(request))
        webhook = self._find(connector_id, key)
        tokens = request.args.get(b"validationToken")
        if webhook is None:
            return _refuse(request, 404, NotFound("There is nothing here."))
        if tokens is not None:
            return self._validate(request, webhook, tokens)
        try:
            webhook.post(body_of(request))
        except ValueError:
            reason = "The request body holds no change notifications."
            return _refuse(request, 400, BadRequest(reason))
        return empty_response(request, 202)

    def _validate(
        self, request: Request, webhook: Webhook, tokens: list[bytes]
    ) -> ResponseBody:
        token = tokens[0].decode(errors="replace") if len(tokens) == 1 else ""
        if not webhook.validate(token):
            reason = "No subscription is being made that posts here."
            return _refuse(request, 404, NotFound(reason))
        # With nosniff, so that no browser takes it for anything else.
        set_header = request.responseHeaders.setRawHeaders
        set_header(b"content-type", [b"text/plain; charset=utf-8"])
        return token.encode()


def _refuse(request: Request, status: int, error: PexscheddError) -> ResponseBody:
    return client_error(request, status, error, correlation_id_of(request))


def change_notification_group(
    find: FindWebhook,
    seconds: Callable[[], float],
    refused: Callable[[str], object] = lambda bound: None,
) -> Mapping[str, IResource]:
    """Return the route as a group for `AddinRouteGroups`.

    `find` gives the open webhooks, `seconds` is a steady clock; `refused` is told
    "address" of each request beyond the rate.
    """
    rates = RequestRates(
        NO_BOUND,
        POSTS_PER_ADDRESS,
        seconds,
        refused,
        what="Too many change notifications were sent",
    )
    return {GROUP: ChangeNotificationRoutes(find, rates).app.resource()}
