"""Subscribe, Unsubscribe, GetEvents and GetStreamingEvents."""

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError, RequestFault, SchemaError
from pexschedd.sandbox.mailboxes.folder_events import EventType
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.notifications import event_markup
from pexschedd.sandbox.notifications.streaming import failure, status
from pexschedd.sandbox.operations.call import OperationCall

MOST = 200
"""Subscriptions that one GetStreamingEvents may name."""
_COOKIE = "X-BackEndOverrideCookie"
_PULL, _STREAMING = "PullSubscriptionRequest", "StreamingSubscriptionRequest"


def subscribe(call: OperationCall) -> Element:
    """Subscribe: for a stream, or for GetEvents to pull.

    Push is refused, as it would have the sandbox call other machines.
    """
    if len(call.element) != 1:
        raise markup.missing(call.element, _STREAMING)
    wanted = call.element[0]
    kind = markup.name_of(wanted)
    if kind == "PushSubscriptionRequest":
        raise RequestFault("ErrorInvalidOperation", "The sandbox does not push.")
    if kind not in (_PULL, _STREAMING):
        raise markup.unexpected(wanted)
    order: tuple[str, ...] = ("FolderIds", "EventTypes")
    if kind == _PULL:
        order += ("Watermark", "Timeout")
    markup.in_order(wanted, order)
    events = _events(wanted)
    minutes = None
    if kind == _PULL:
        timeout = markup.find_t(wanted, "Timeout")
        if timeout is None:
            raise markup.missing(wanted, "Timeout")
        minutes = markup.integer(timeout, timeout.text or "", 1, 1440)
    everywhere = markup.boolean(wanted, wanted.get("SubscribeToAllFolders", "false"))
    listed = markup.find_t(wanted, "FolderIds")

    def job(good: Element) -> None:
        if any(markup.name_of(child) == "Watermark" for child in wanted):
            raise EwsError("ErrorInvalidWatermark")
        mailbox, folders = call.mailbox, None
        if everywhere == (listed is not None):
            raise EwsError(
                "ErrorInvalidSubscriptionRequest",
                "Either FolderIds or SubscribeToAllFolders must be given.",
            )
        if listed is not None:
            found = [find() for find in call.folders(listed)]
            mailbox = found[0][0]
            if any(each is not mailbox for each, _ in found):
                raise EwsError("ErrorInvalidSubscriptionRequest")
            folders = frozenset(folder.name for _, folder in found)
        subscription = call.subscriptions.add(
            call.caller, mailbox, folders, events, call.routing, minutes
        )
        if call.routing.prefers:
            call.cookies[_COOKIE] = subscription.routing.server
        markup.m(good, "SubscriptionId", subscription.id)
        if minutes is not None:
            markup.m(good, "Watermark", event_markup.seal(subscription.id, 0))

    return call.answer([job])


def unsubscribe(call: OperationCall) -> Element:
    """Unsubscribe."""
    markup.in_order(call.element, ("SubscriptionId",))
    identifier = markup.need_m(call.element, "SubscriptionId").text or ""

    def job(good: Element) -> None:
        del good
        found = call.subscriptions.find(
            identifier, call.caller, call.routing, pulled=None
        )
        if found.stream is not None:
            found.stream.fail("ErrorSubscriptionUnsubscribed", [found])
            found.stream.finish()
        call.subscriptions.remove(found)

    return call.answer([job])


def get_events(call: OperationCall) -> Element:
    """GetEvents: the events after a watermark, or a StatusEvent if there are none."""
    markup.in_order(call.element, ("SubscriptionId", "Watermark"))
    identifier = markup.need_m(call.element, "SubscriptionId").text or ""
    watermark = markup.need_m(call.element, "Watermark").text or ""

    def job(good: Element) -> None:
        found = call.subscriptions.find(
            identifier, call.caller, call.routing, pulled=True
        )
        events, more = found.since(watermark)
        notification = markup.m(good, "Notification")
        markup.t(notification, "SubscriptionId", found.id)
        markup.t(notification, "PreviousWatermark", watermark)
        markup.t(notification, "MoreEvents", markup.as_text(more))
        for each in events:
            mark = event_markup.seal(found.id, each.number)
            event_markup.write(notification, each.event, found.mailbox, each.at, mark)
        if not events:
            event = markup.t(notification, "StatusEvent")
            markup.t(event, "Watermark", watermark)

    return call.answer([job])


def get_streaming_events(call: OperationCall) -> Element:
    """GetStreamingEvents: the first envelope; after a good one the connection stays
    open.

    One bad subscription spoils the others: they never deliver anything.
    """
    markup.in_order(call.element, ("SubscriptionIds", "ConnectionTimeout"))
    listed = markup.need_m(call.element, "SubscriptionIds")
    timeout = markup.need_m(call.element, "ConnectionTimeout")
    minutes = markup.integer(timeout, timeout.text or "", 1, 30)
    if not len(listed):
        raise markup.missing(listed, "SubscriptionId")
    ids = [each.text or "" for each in listed]
    if len(ids) > MOST:
        raise SchemaError(f"More than {MOST} subscriptions.", markup.line(listed))
    good, bad, error = [], [], None
    for identifier in dict.fromkeys(ids):
        try:
            good.append(
                call.subscriptions.find(
                    identifier, call.caller, call.routing, pulled=False
                )
            )
        except EwsError as caught:
            bad.append(identifier)
            error = error or caught
    if error is not None:
        return failure(error, bad)
    limit = call.subscriptions.limits.streams
    reused = {id(each.stream) for each in good if each.stream is not None}
    if call.subscriptions.connected(call.caller) - len(reused) >= limit:
        return failure(EwsError("ErrorExceededConnectionCount"), [])
    call.opening = (good, minutes)
    return status("OK")


def _events(wanted: Element) -> frozenset[EventType]:
    listed = markup.find_t(wanted, "EventTypes")
    if listed is None or not len(listed):
        raise markup.missing(wanted, "EventTypes")
    names = tuple(EventType)
    return frozenset(
        EventType(markup.chosen(each, "EventType", each.text or "", names))
        for each in listed
    )
