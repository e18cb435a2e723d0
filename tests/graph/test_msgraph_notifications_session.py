"""Notifications that anybody may post, and when subscriptions are renewed. Pure parts,
with a clock of the test's."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.graph.notifications.change_notification import (
    MOST_BYTES,
    MOST_NOTIFICATIONS,
    ChangeNotification,
    read_notifications,
)
from pexschedd.graph.notifications.session import SubscriptionSession
from pexschedd.graph.notifications.subscription import (
    FolderSubscription,
    build_renew,
    build_subscribe,
    build_unsubscribe,
    parse_own,
    parse_subscription,
)

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def posted(**fields: Any) -> dict[str, Any]:
    """As in Microsoft's documentation of changeNotification."""
    return {
        "subscriptionId": "a",
        "subscriptionExpirationDateTime": "2026-12-03T09:00:00.0000000Z",
        "changeType": "created",
        "resource": "Users/ddfc/Messages/AAMk",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "AAMk"},
        "clientState": "secret",
        "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
        **fields,
    }


def test_notifications_are_read() -> None:
    """Both kinds, with whatever else they hold."""
    body = msgspec.json.encode(
        {"value": [posted(), posted(lifecycleEvent="missed", clientState=None)]}
    )
    assert read_notifications(body) == [
        ChangeNotification("a", "secret"),
        ChangeNotification("a", None, "missed"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"value": 1}',
        b'{"value": [1]}',
        b'{"value": [{}]}',
        b'{"value": [{"subscriptionId": 5}]}',
        b'{"value": [{"subscriptionId": "a", "clientState": {}}]}',
        b'{"value": [{"subscriptionId": "\\ud800"}]}',
        b'{"value": [{"subscriptionId": "' + b"a" * 201 + b'"}]}',
        b'{"value": ' + b"[" * 100_000,
        b'{"value": [], "more": ' + b"[" * 100_000,
        b'{"value": ['
        + b'{"subscriptionId":"a"},' * MOST_NOTIFICATIONS
        + b'{"subscriptionId":"a"}]}',
        b'{"value": []' + b" " * MOST_BYTES + b"}",
    ],
)
def test_what_is_no_notification(body: bytes) -> None:
    """Refused with one error, whatever is wrong."""
    with pytest.raises(ValueError, match="the body"):
        read_notifications(body)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_may_be_posted(body: bytes) -> None:
    """Bytes are notifications, or a `ValueError`."""
    with suppress(ValueError):
        assert isinstance(read_notifications(body), list)


def test_requests() -> None:
    """What is asked for is what Graph documents; an id keeps to its place."""
    request = build_subscribe(
        "pexip+meeting@example.test",
        "inbox",
        url="https://vc.example.test/x",
        state="s",
        expires=NOW + 2 * DAY,
    )
    assert (request.method, request.path) == ("POST", "subscriptions")
    assert request.body == {
        "changeType": "created",
        "notificationUrl": "https://vc.example.test/x",
        "lifecycleNotificationUrl": "https://vc.example.test/x",
        "resource": "/users/pexip%2Bmeeting@example.test/mailFolders/inbox/messages",
        "expirationDateTime": "2026-12-03T09:00:00.0000000Z",
        "clientState": "s",
    }
    for built in (build_renew("../a?b", NOW), build_unsubscribe("../a?b")):
        assert built.path == "subscriptions/..%2Fa%3Fb"


@pytest.mark.parametrize(
    ("text", "expires"),
    [
        ("2026-12-03T09:00:00.0000000Z", NOW + 2 * DAY),
        ("2026-12-03T09:00:00Z", NOW + 2 * DAY),
        ("2026-12-03T10:00:00+01:00", NOW + 2 * DAY),
        ("2026-12-03T09:00:00", NOW + 2 * DAY),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
        ("", None),
    ],
)
def test_the_life_of_a_subscription(text: str, expires: datetime | None) -> None:
    """Any of Graph's ways to write a time; another one is not believed."""
    body = msgspec.json.encode({"id": "a", "expirationDateTime": text})
    if expires is not None:
        assert parse_subscription(body) == FolderSubscription("a", expires)
        return
    with pytest.raises(ValueError, match="at no time"):
        parse_subscription(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"id": ""}', b'{"id": 1, "expirationDateTime": ""}'],
)
def test_answers_that_are_none(body: bytes) -> None:
    """Neither a subscription nor a list of them: a `ValueError`."""
    with pytest.raises(ValueError, match="subscription"):
        parse_subscription(body)
    with pytest.raises(ValueError, match="subscription"):
        parse_own(body, "u")


def test_an_id_without_end() -> None:
    """It is not put into a path."""
    document = {"id": "a" * 3000, "expirationDateTime": "2026-12-03T09:00:00Z"}
    with pytest.raises(ValueError, match="without end"):
        parse_subscription(msgspec.json.encode(document))


class Case:
    """A session with one subscription, and its waiting for the renewal."""

    def __init__(self, life: timedelta) -> None:
        self.clock = Clock()
        self.heard: list[str] = []
        self.session = SubscriptionSession(
            "secret",
            lambda: self.heard.append("arrived"),
            lambda: self.heard.append("alive"),
            self.clock,
        )
        self.life = FolderSubscription("a", NOW + life)
        self.session.add(self.life)

    def begin(self) -> "Case":
        self.session.begin([self.life], NOW)
        self.heard.clear()
        return self

    def wait(self) -> "list[bool]":
        got: list[bool] = []
        waiting = Deferred.fromCoroutine(self.session.until_renewal())
        waiting.addCallback(got.append)
        return got

    def take(self, **fields: str) -> bool:
        fields = {"subscription_id": "a", "client_state": "secret", **fields}
        return self.session.take(ChangeNotification(**fields))


@pytest.mark.parametrize(
    ("life", "seconds"),
    [
        (2 * DAY, 86400.0),
        (timedelta(minutes=45), 1350.0),
        (timedelta(seconds=20), 60.0),
        (-DAY, 60.0),
        (datetime.max.replace(tzinfo=UTC) - NOW, 86400.0),
    ],
)
def test_half_of_the_life(life: timedelta, seconds: float) -> None:
    """Then it is renewed, but never more than once a minute."""
    case = Case(life).begin()
    got = case.wait()
    case.clock.advance(seconds - 1)
    assert got == []
    case.clock.advance(1)
    assert got == [True]


def test_the_shortest_life_counts() -> None:
    """Of several subscriptions the first to end is the one to think of."""
    case = Case(2 * DAY)
    case.session.begin([case.life, FolderSubscription("b", NOW + DAY)], NOW)
    got = case.wait()
    case.clock.advance(43200)
    assert got == [True]
    assert not case.session.is_over
    case.clock.advance(43200)
    assert case.session.is_over


def test_before_all_are_made() -> None:
    """The first subscription may tell while the second one is not made yet: the secret
    alone counts, and it is too early for a sign of life."""
    case = Case(DAY)
    assert case.take(subscription_id="unknown yet")
    assert case.heard == ["arrived"]
    assert not case.take(client_state="guessed")
    case.begin()
    assert not case.take(subscription_id="unknown")
    assert case.take()
    assert case.heard == ["alive", "arrived"]


def test_an_unknown_lifecycle_event_is_a_reason_to_look() -> None:
    """As everything that Graph may say one day."""
    case = Case(DAY).begin()
    assert case.take(lifecycle_event="somethingNew")
    assert case.heard == ["alive", "arrived"]


def test_reauthorization_is_not_asked_for_all_the_time() -> None:
    """At once if the last one was a minute ago; many demands make one renewal."""
    case = Case(2 * DAY).begin()
    got = case.wait()
    case.clock.advance(20)
    for _ in range(3):
        assert case.take(lifecycle_event="reauthorizationRequired")
    assert got == []
    case.clock.advance(40)
    assert got == [True]
    case.begin()
    got = case.wait()
    case.clock.advance(3600)
    assert case.take(lifecycle_event="reauthorizationRequired")
    assert got == [True]


def test_removed() -> None:
    """There is nothing to renew; nor before the waiting has begun."""
    case = Case(2 * DAY).begin()
    got = case.wait()
    assert case.take(lifecycle_event="subscriptionRemoved")
    assert got == [False]
    assert case.wait() == [False]
    assert not case.clock.getDelayedCalls()


def test_a_renewal_that_failed() -> None:
    """Tried again after minutes, or after the pause that was asked for."""
    case = Case(2 * DAY).begin()
    case.clock.advance(86400)
    for pause, seconds in ((0.0, 600), (1200.0, 1200)):
        case.session.renew_again(pause)
        got = case.wait()
        case.clock.advance(seconds - 1)
        assert got == []
        case.clock.advance(1)
        assert got == [True]
