"""Subscriptions to the changes of a folder: requests and answers. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from pexschedd.graph.requests import ApiRequest

ASKED = timedelta(days=2)
"""The life that is asked for. Graph allows three days at most, and renews from then on
whenever it is asked to."""

FOLDERS = ("inbox", "deleteditems")
"""The well-known folders that are watched. Exchange puts updates among the deleted
items that it applies without showing them."""

_ALL = "subscriptions"
_MOST_TEXT = 2048


class FolderSubscription(msgspec.Struct, frozen=True):
    """A subscription as Graph has made it."""

    id: str
    expires: datetime
    """Aware UTC."""


class _Document(msgspec.Struct, rename="camel"):
    id: str
    expiration_date_time: str
    notification_url: str | None = None


class _Page(msgspec.Struct):
    value: list[_Document]


def build_subscribe(
    mailbox: str, folder: str, *, url: str, state: str, expires: datetime
) -> ApiRequest:
    """Build the request for a subscription to what comes into a folder.

    `url` is posted to; `state` is the secret that comes with every notification.
    """
    resource = f"/users/{quote(mailbox, safe='@')}/mailFolders/{folder}/messages"
    return ApiRequest(
        name="subscriptions/create",
        method="POST",
        path=_ALL,
        body={
            "changeType": "created",
            "notificationUrl": url,
            "lifecycleNotificationUrl": url,
            "resource": resource,
            "expirationDateTime": _written(expires),
            "clientState": state,
        },
    )


def build_renew(id: str, expires: datetime) -> ApiRequest:
    """Build the request for a longer life, which also renews the authorization."""
    return ApiRequest(
        name="subscriptions/renew",
        method="PATCH",
        path=_one(id),
        body={"expirationDateTime": _written(expires)},
    )


def build_unsubscribe(id: str) -> ApiRequest:
    """Build the request for the end of a subscription."""
    return ApiRequest(
        name="subscriptions/delete",
        method="DELETE",
        path=_one(id),
    )


def build_list() -> ApiRequest:
    """Build the request for the application's subscriptions, the first page of them."""
    return ApiRequest(name="subscriptions/list", method="GET", path=_ALL)


def parse_subscription(body: bytes) -> FolderSubscription:
    """Return the subscription in an answer. Raises `ValueError`."""
    document = _decoded(body, _Document)
    if not document.id:
        raise ValueError("a subscription has no id")
    return FolderSubscription(
        _short(document.id), _moment(document.expiration_date_time)
    )


def parse_own(body: bytes, url: str) -> list[str]:
    """Return the ids of the subscriptions that post to `url`. Raises `ValueError`."""
    found = _decoded(body, _Page).value
    return [_short(each.id) for each in found if each.notification_url == url]


def _one(id: str) -> str:
    return f"{_ALL}/{quote(id, safe='')}"


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it holds no subscription: {error}") from None


def _short(id: str) -> str:
    if len(id) > _MOST_TEXT:
        raise ValueError("a subscription has an id without end")
    return id


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")


def _moment(text: str) -> datetime:
    """Graph writes seven decimals, Python reads six."""
    head, dot, fraction = text[:_MOST_TEXT].removesuffix("Z").partition(".")
    try:
        moment = datetime.fromisoformat(head + (dot + fraction[:6] if dot else ""))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a subscription ends at no time") from None
