"""An open GetStreamingEvents: envelopes one after another until it is closed."""

from collections.abc import Sequence
from typing import Any

from lxml import etree
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pexschedd.sandbox import markup, notifications
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.markup import SOAP, TYPES, Element
from pexschedd.sandbox.subscriptions import MailboxSubscription, Subscriptions

ACTIONS = ("silence", "abort", "half", "error", "missed", "close")
"""What `Stream.misbehave` can do."""

# Servers write the envelopes of a stream in another style than all others.
_HEAD = (
    f'<Envelope xmlns="{SOAP}"><soap11:Header xmlns:soap11="{SOAP}">'
    f'<ServerVersionInfo xmlns="{TYPES}" MajorVersion="15" MinorVersion="2" '
    'MajorBuildNumber="2562" MinorBuildNumber="17" Version="V2017_07_11"/>'
    f'</soap11:Header><soap11:Body xmlns:soap11="{SOAP}">'
).encode()
_TAIL = b"</soap11:Body></Envelope>"
_DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'


class Stream:
    """One client's connection, over a request that stays open."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        chosen: Sequence[MailboxSubscription],
        minutes: int,
        clock: IReactorTime,
    ) -> None:
        self.subscriptions = list(chosen)
        self._all = subscriptions
        self._clock = clock
        self._minutes = minutes
        self._request: Any = None
        self._timers: list[IDelayedCall] = []
        self._heart: IDelayedCall | None = None
        self._woken: IDelayedCall | None = None
        self._silent = False

    @property
    def mailboxes(self) -> list[str]:
        return [each.mailbox.address for each in self.subscriptions]

    def open(self, request: Any) -> None:
        """Takes over a request whose headers are set. The first envelope says that
        the connection stands."""
        self._request = request
        request.notifyFinish().addBoth(lambda _: self._gone())
        for each in self.subscriptions:
            self._all.attach(each, self)
        self._timers.append(self._clock.callLater(60.0 * self._minutes, self.close))
        self._write(status("OK"), first=True)
        self._beat_later()

    def wake(self) -> None:
        """Something waits: it is sent in the next turn, with all that comes along."""
        if self._woken is None and self._request is not None and not self._silent:
            self._woken = self._clock.callLater(0, self._send)

    def fail(self, code: str, about: Sequence[MailboxSubscription]) -> None:
        """An error about subscriptions; the stream goes on."""
        self._write(failure(EwsError(code), [each.id for each in about]))

    def close(self) -> None:
        """The orderly end, at the client's timeout."""
        self._write(status("Closed"))
        self.finish()

    def finish(self) -> None:
        request = self._request
        self._gone()
        if request is not None and not request.finished and request.channel:
            request.finish()

    def misbehave(self, action: str, code: str = "ErrorInternalServerError") -> None:
        """Does one of `ACTIONS` now; `code` is the error's."""
        match action:
            case "silence":
                self._silent = True
                self._stop()
            case "abort" if self._request is not None:
                self._request.channel.transport.abortConnection()
            case "half" if self._request is not None:
                whole = envelope(status("OK"))
                self._request.write(whole[: len(whole) // 2])
                self._request.channel.transport.loseConnection()
            case "error":
                self.fail(code, self.subscriptions)
                self.finish()
            case "missed":
                self.fail("ErrorMissedNotificationEvents", self.subscriptions)
            case "close":
                self.close()

    def misbehave_later(self, seconds: float, action: str, code: str) -> None:
        if not seconds:
            self.misbehave(action, code)
        elif self._request is not None:
            self._timers.append(
                self._clock.callLater(seconds, self.misbehave, action, code)
            )

    def _send(self) -> None:
        self._woken = None
        missed = [each for each in self.subscriptions if each.missed]
        if missed:
            self.fail("ErrorMissedNotificationEvents", missed)
        response, message = _success()
        listed = markup.m(message, "Notifications")
        for each in self.subscriptions:
            each.missed = False
            if not each.waiting:
                continue
            # The schema has this element in the other namespace.
            notification = markup.m(listed, "Notification")
            markup.t(notification, "SubscriptionId", each.id)
            while each.waiting:
                next_one = each.waiting.popleft()
                notifications.write(
                    notification, next_one.happening, each.mailbox, next_one.at
                )
        if len(listed):
            self._write(response)
            self._beat_later()

    def _beat(self) -> None:
        self._write(status("OK"))
        self._beat_later()

    def _beat_later(self) -> None:
        if self._heart is not None and self._heart.active():
            self._heart.cancel()
        self._heart = None
        if not self._silent and self._request is not None:
            pause = self._all.limits.heartbeat_s
            self._heart = self._clock.callLater(pause, self._beat)

    def _write(self, response: Element, *, first: bool = False) -> None:
        if self._request is None or not self._request.channel or self._silent:
            return
        self._request.write((_DECLARATION if first else b"") + envelope(response))

    def _stop(self) -> None:
        for call in (*self._timers, self._heart, self._woken):
            if call is not None and call.active():
                call.cancel()
        self._timers, self._heart, self._woken = [], None, None

    def _gone(self) -> None:
        self._stop()
        self._request = None
        for each in self.subscriptions:
            self._all.detach(each, self)


def envelope(response: Element) -> bytes:
    return _HEAD + etree.tostring(response, encoding="utf-8") + _TAIL


def status(text: str) -> Element:
    response, message = _success()
    markup.m(message, "ConnectionStatus", text)
    return response


def failure(error: EwsError, about: Sequence[str]) -> Element:
    """A response that says which subscriptions have ended, or missed something."""
    response = markup.message("GetStreamingEventsResponse")
    message = markup.m(
        markup.m(response, "ResponseMessages"),
        "GetStreamingEventsResponseMessage",
        ResponseClass="Error",
    )
    markup.m(message, "MessageText", error.text)
    markup.m(message, "ResponseCode", error.code)
    markup.m(message, "DescriptiveLinkKey", "0")
    if about:
        listed = markup.m(message, "ErrorSubscriptionIds")
        for each in about:
            # As above: servers and clients agree against the schema.
            markup.m(listed, "SubscriptionId", each)
    return response


def _success() -> tuple[Element, Element]:
    response = markup.message("GetStreamingEventsResponse")
    message = markup.m(
        markup.m(response, "ResponseMessages"),
        "GetStreamingEventsResponseMessage",
        ResponseClass="Success",
    )
    markup.m(message, "ResponseCode", "NoError")
    return response, message
