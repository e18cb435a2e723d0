"""The subscriptions of all applications, and what is posted to their webhooks."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.sandbox.graph.entities import item_ids
from pexschedd.sandbox.graph.entities.view import timestamp
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.notifications import change_subscription
from pexschedd.sandbox.graph.notifications.change_subscription import (
    ChangeSubscription,
    WatchedResource,
    invalid,
)
from pexschedd.sandbox.graph.notifications.webhook import Post, WebhookPoster
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer, GraphRequest
from pexschedd.sandbox.graph.settings import GraphSettings
from pexschedd.sandbox.graph.signin.applications import GraphApplication
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.folder_events import FolderEvent
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

LIFECYCLE = ("missed", "subscriptionRemoved", "reauthorizationRequired")
_VALIDATION_S = 10
_DELIVERY_S = 3
_FIRST_RETRY_S = 10
_LONGEST_RETRY_S = 4 * 3600
_MOST = 1000
log = Logger()
FindMailbox = Callable[[GraphApplication, WatchedResource], SandboxMailbox]
"""Returns the mailbox of a resource that an application may watch, or raises."""
FindFolder = Callable[[SandboxMailbox, str], str]
"""Returns the distinguished name of a folder, or raises."""


class ChangeSubscriptions:
    """The subscriptions, by id. `post` can be replaced: it is the way to webhooks."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Callable[[], IReactorTime],
        settings: Callable[[], GraphSettings],
        find_mailbox: FindMailbox,
        find_folder: FindFolder,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._settings = settings
        self._find_mailbox = find_mailbox
        self._find_folder = find_folder
        self._known: dict[str, ChangeSubscription] = {}
        self.post: Post = WebhookPoster(clock).post

    def all(self) -> list[ChangeSubscription]:
        """Return the subscriptions that have not expired."""
        now = self._exchange.now()
        for each in list(self._known.values()):
            if each.expires <= now:
                self._drop(each)
        return list(self._known.values())

    async def serve(
        self, request: GraphRequest, application: GraphApplication
    ) -> GraphAnswer:
        """Carry out a request about subscriptions. Raises `GraphError`."""
        match request.method, request.segments[1:]:
            case "POST", []:
                return await self._create(request, application)
            case "GET", []:
                mine = [e.document() for e in self.all() if _owns(application, e)]
                context = f"{request.base_url}/$metadata#subscriptions"
                return GraphAnswer(document={"@odata.context": context, "value": mine})
            case "GET", [identifier]:
                return _answer(request, self._find(identifier, application))
            case "PATCH", [identifier]:
                found = self._find(identifier, application)
                document = request.document()
                if set(document) != {"expirationDateTime"}:
                    raise invalid("Only expirationDateTime can be changed.")
                found.expires = self._expiry(document["expirationDateTime"])
                return _answer(request, found)
            case "DELETE", [identifier]:
                self._drop(self._find(identifier, application))
                return GraphAnswer(HTTPStatus.NO_CONTENT)
        raise GraphError("BadRequest", "The method is not allowed here.", 405)

    def lifecycle(self, event: str, identifier: str | None = None) -> int:
        """Tell webhooks of a lifecycle event; a removed subscription is gone. Returns
        the number of subscriptions. Raises ValueError for an unknown event."""
        if event not in LIFECYCLE:
            raise ValueError(f"event: must be one of {', '.join(LIFECYCLE)}")
        chosen = [each for each in self.all() if identifier in (None, each.id)]
        for each in chosen:
            if event == "subscriptionRemoved":
                self._drop(each)
            if each.lifecycle_url is None:
                continue
            document = {**_common(each), "lifecycleEvent": event}
            self._deliver(each, each.lifecycle_url, document, _FIRST_RETRY_S, 0)
        return len(chosen)

    async def _create(
        self, request: GraphRequest, application: GraphApplication
    ) -> GraphAnswer:
        document = request.document()
        changes, state = change_subscription.read_fields(document)
        expires = self._expiry(document.get("expirationDateTime"))
        watched = change_subscription.read_resource(document.get("resource"))
        mailbox = self._find_mailbox(application, watched)
        folder = None
        if watched.folder is not None:
            folder = self._find_folder(mailbox, watched.folder)
        if sum(each.mailbox is mailbox for each in self.all()) >= _MOST:
            raise GraphError("ExtensionError", "Too many subscriptions.", 403)
        for name in ("notificationUrl", "lifecycleNotificationUrl"):
            if document.get(name) is not None:
                await self._validate(document[name])
        preferred = request.preferences.get("idtype", "").lower()
        made = ChangeSubscription(
            str(uuid.uuid4()),
            application.client_id,
            application.tenant,
            mailbox,
            watched,
            folder,
            str(document["resource"]),
            changes,
            document["notificationUrl"],
            document.get("lifecycleNotificationUrl"),
            state,
            expires,
            preferred == "immutableid",
        )
        self._known[made.id] = made
        made.stop = mailbox.watch(lambda event: self._happened(made, event))
        return _answer(request, made, HTTPStatus.CREATED)

    async def _validate(self, url: str) -> None:
        """Ask a webhook to send a token back. Raises `GraphError`."""
        token = f"Validation: Testing client application reachability {uuid.uuid4()}"
        separator = "&" if "?" in url else "?"
        asked = f"{url}{separator}validationToken={quote(token)}"
        try:
            found = await self.post(asked, b"", "text/plain", _VALIDATION_S)
        except Exception as error:  # noqa: BLE001 - whatever the network may say
            raise invalid(
                "Subscription validation request failed. "
                f"The request could not be sent: {type(error).__name__}."
            ) from None
        kind = found.content_type.partition(";")[0].strip().lower()
        right = found.status == HTTPStatus.OK and kind == "text/plain"
        if not right or found.body != token.encode():
            raise invalid(
                "Subscription validation request failed. Must respond with 200 OK to "
                "this request, with the token as text/plain."
            )

    def _happened(self, subscription: ChangeSubscription, event: FolderEvent) -> None:
        change = subscription.change(event)
        if change is None or self._known.get(subscription.id) is not subscription:
            return
        if subscription.expires <= self._exchange.now():
            self._drop(subscription)
            return
        document = _notification(subscription, event, change)
        for _ in range(self._settings().notification_copies):
            # Not within the change itself.
            self._clock().callLater(
                self._settings().delivery_delay_s,
                self._deliver,
                subscription,
                subscription.url,
                document,
                _FIRST_RETRY_S,
                0,
            )

    def _deliver(
        self,
        subscription: ChangeSubscription,
        url: str,
        document: dict[str, Any],
        pause: float,
        waited: float,
    ) -> None:
        """Post a notification; once more after a pause unless it was taken."""
        body = msgspec.json.encode({"value": [document]})
        done = self.post(url, body, "application/json; charset=utf-8", _DELIVERY_S)

        def failed(reason: object) -> None:
            log.debug(
                "sandbox could not notify {url}: {reason}", url=url, reason=reason
            )
            gone = self._known.get(subscription.id) is not subscription
            if gone or waited + pause > _LONGEST_RETRY_S:
                return
            self._clock().callLater(
                pause,
                self._deliver,
                subscription,
                url,
                document,
                pause * 2,
                waited + pause,
            )

        def answered(answer: Any) -> None:
            if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                failed(answer.status)

        done.addCallbacks(answered, failed)
        done.addErrback(lambda reason: log.failure("sandbox failed to notify", reason))

    def _expiry(self, value: Any) -> datetime:
        longest = timedelta(minutes=self._settings().longest_subscription_min)
        return change_subscription.read_expiry(value, self._exchange.now(), longest)

    def _find(
        self, identifier: str, application: GraphApplication
    ) -> ChangeSubscription:
        for each in self.all():
            if each.id == identifier and _owns(application, each):
                return each
        raise GraphError("ResourceNotFound", "The object was not found.")

    def _drop(self, subscription: ChangeSubscription) -> None:
        self._known.pop(subscription.id, None)
        if subscription.stop is not None:
            subscription.stop()
            subscription.stop = None


def _owns(application: GraphApplication, subscription: ChangeSubscription) -> bool:
    return application.client_id == subscription.application


def _answer(
    request: GraphRequest,
    subscription: ChangeSubscription,
    status: HTTPStatus = HTTPStatus.OK,
) -> GraphAnswer:
    context = f"{request.base_url}/$metadata#subscriptions/$entity"
    document = {"@odata.context": context, **subscription.document()}
    return GraphAnswer(status, document)


def _common(subscription: ChangeSubscription) -> dict[str, Any]:
    return {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": timestamp(subscription.expires),
        "clientState": subscription.client_state,
        "tenantId": str(uuid.uuid5(uuid.NAMESPACE_DNS, subscription.tenant)),
    }


def _notification(
    subscription: ChangeSubscription, event: FolderEvent, change: str
) -> dict[str, Any]:
    mailbox = subscription.mailbox
    # What is deleted is named as it was known where it was.
    name = event.old_item if change == "deleted" and event.old_item else event.item
    identifier = item_ids.default_id(name)
    if subscription.immutable:
        identifier = item_ids.immutable_id(mailbox.guid, event.birth)
    kind = subscription.watched.kind
    path = f"Users/{mailbox.guid}/{kind}s/{identifier}"
    return {
        **_common(subscription),
        "changeType": change,
        "resource": path,
        "resourceData": {
            "@odata.type": f"#Microsoft.Graph.{kind}",
            "@odata.id": path,
            "@odata.etag": f'W/"{event.key}"',
            "id": identifier,
        },
    }
