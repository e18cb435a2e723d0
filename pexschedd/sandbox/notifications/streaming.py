"""An open GetStreamingEvents: envelopes one after another until it is closed."""

from collections.abc import Sequence
from typing import Any

from lxml import etree
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.markup import SOAP, TYPES, Element
from pexschedd.sandbox.notifications import event_markup
from pexschedd.sandbox.notifications.subscriptions import (
    MailboxSubscription,
    Subscriptions,
)

ACTIONS = ("silence", "abort", "half", "error", "missed", "close", "error-beside")
"""The actions of `EventStream.misbehave`."""

# Servers write the envelopes of a stream in another style than all others.
_HEAD = (
    f'<Envelope xmlns="{SOAP}"><soap11:Header xmlns:soap11="{SOAP}">'
    f'<ServerVersionInfo xmlns="{TYPES}" MajorVersion="15" MinorVersion="2" '
    'MajorBuildNumber="2562" MinorBuildNumber="17" Version="V2017_07_11"/>'
    f'</soap11:Header><soap11:Body xmlns:soap11="{SOAP}">'
).encode()
_TAIL = b"</soap11:Body></Envelope>"
_DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'


class EventStream:
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
        self._heartbeat: IDelayedCall | None = None
        self._sending: IDelayedCall | None = None
        self._silent = False

    @property
    def mailboxes(self) -> list[str]:
        """The addresses of the mailboxes whose events it delivers."""
        return [each.mailbox.address for each in self.subscriptions]

    def open(self, request: Any) -> None:
        """Take over a request whose headers are set, and send the first envelope,
        which says that the connection is open."""
        self._request = request
        request.notifyFinish().addBoth(lambda _: self._disconnected())
        for each in self.subscriptions:
            self._all.attach(each, self)
        self._timers.append(self._clock.callLater(60.0 * self._minutes, self.close))
        self._write(status("OK"), first=True)
        self._schedule_heartbeat()

    def wake(self) -> None:
        """Send in the next turn what the subscriptions have queued by then."""
        if self._sending is None and self._request is not None and not self._silent:
            self._sending = self._clock.callLater(0, self._send)

    def fail(self, code: str, about: Sequence[MailboxSubscription]) -> None:
        """Report an error about some of the subscriptions, and go on."""
        self._write(failure(EwsError(code), [each.id for each in about]))

    def close(self) -> None:
        """End in good order, as at the client's timeout."""
        self._write(status("Closed"))
        self.finish()

    def finish(self) -> None:
        """End the response as it is."""
        request = self._request
        self._disconnected()
        if request is not None and not request.finished and request.channel:
            request.finish()

    def misbehave(self, action: str, code: str = "ErrorInternalServerError") -> None:
        """Do one of `ACTIONS` now; `code` is that of an error."""
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
            case "error-beside":
                about = [each.id for each in self.subscriptions]
                self._write(failure(EwsError(code), about, beside="OK"))
            case "missed":
                self.fail("ErrorMissedNotificationEvents", self.subscriptions)
            case "close":
                self.close()

    def misbehave_later(self, seconds: float, action: str, code: str) -> None:
        """Do one of `ACTIONS` after some seconds, or at once."""
        if not seconds:
            self.misbehave(action, code)
        elif self._request is not None:
            self._timers.append(
                self._clock.callLater(seconds, self.misbehave, action, code)
            )

    def _send(self) -> None:
        self._sending = None
        missed = [each for each in self.subscriptions if each.missed]
        if missed:
            self.fail("ErrorMissedNotificationEvents", missed)
        response, message = _success()
        listed = markup.m(message, "Notifications")
        for each in self.subscriptions:
            each.missed = False
            if not each.queue:
                continue
            # The schema has this element in the other namespace.
            notification = markup.m(listed, "Notification")
            markup.t(notification, "SubscriptionId", each.id)
            while each.queue:
                queued = each.queue.popleft()
                event_markup.write(notification, queued.event, each.mailbox, queued.at)
        if len(listed):
            self._write(response)
            self._schedule_heartbeat()

    def _beat(self) -> None:
        self._write(status("OK"))
        self._schedule_heartbeat()

    def _schedule_heartbeat(self) -> None:
        if self._heartbeat is not None and self._heartbeat.active():
            self._heartbeat.cancel()
        self._heartbeat = None
        if not self._silent and self._request is not None:
            interval = self._all.limits.heartbeat_s
            self._heartbeat = self._clock.callLater(interval, self._beat)

    def _write(self, response: Element, *, first: bool = False) -> None:
        if self._request is None or not self._request.channel or self._silent:
            return
        self._request.write((_DECLARATION if first else b"") + envelope(response))

    def _stop(self) -> None:
        for call in (*self._timers, self._heartbeat, self._sending):
            if call is not None and call.active():
                call.cancel()
        self._timers, self._heartbeat, self._sending = [], None, None

    def _disconnected(self) -> None:
        self._stop()
        self._request = None
        for each in self.subscriptions:
            self._all.detach(each, self)


def envelope(response: Element) -> bytes:
    """Return one envelope of a stream."""
    return _HEAD + etree.tostring(response, encoding="utf-8") + _TAIL


def status(text: str) -> Element:
    """Return a response with a ConnectionStatus, such as "OK" or "Closed"."""
    response, message = _success()
    markup.m(message, "ConnectionStatus", text)
    return response


def failure(error: EwsError, about: Sequence[str], beside: str = "") -> Element:
    """Return an error, with the ids of the subscriptions that it is about, and perhaps
    with a ConnectionStatus beside it that says all is well."""
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
            # Against the schema, as above: that is how servers and clients have it.
            markup.m(listed, "SubscriptionId", each)
    if beside:
        markup.m(message, "ConnectionStatus", beside)
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
