"""The properties that all items have, and those of messages."""

import base64
from collections.abc import Iterable

from pexschedd.sandbox import values
from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.model import EMPTY_BODY, Item, ItemKind, MailboxUser
from pexschedd.sandbox.property import ALL, MAIL, declare, of


def _names(people: Iterable[MailboxUser]) -> str:
    return "; ".join(person.name for person in people)


def _response_objects(item: Item, mailbox: SandboxMailbox) -> tuple[str, ...]:
    del mailbox
    reply = ("ReplyToItem", "ForwardItem", "ReplyAllToItem")
    if item.kind is ItemKind.CANCELLATION:
        return (*reply, "RemoveItem")
    if item.kind is ItemKind.CALENDAR and item.is_organizer:
        return ("ForwardItem", "CancelCalendarItem") if item.is_meeting else ()
    if item.kind in (ItemKind.REQUEST, ItemKind.CALENDAR):
        if item.meeting is not None and item.meeting.cancelled:
            return (*reply, "RemoveItem")
        return ("AcceptItem", "TentativelyAcceptItem", "DeclineItem", *reply)
    return reply


def _binary(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ITEM_PROPERTIES = (
    declare(
        "item:ItemId",
        ALL,
        values.IDENTIFIER,
        lambda item, box: (item.id, box.change_key(item)),
        "d",
    ),
    declare(
        "item:ParentFolderId",
        ALL,
        values.IDENTIFIER,
        lambda item, box: (
            box.folders[item.folder].id,
            box.folder_change_key(box.folders[item.folder]),
        ),
    ),
    declare("item:ItemClass", ALL, values.TEXT, lambda item, _: item.item_class),
    declare(
        "item:Subject", ALL, values.TEXT, lambda item, _: item.subject or None, "d"
    ),
    declare(
        "item:Sensitivity", ALL, values.TEXT, lambda item, _: item.sensitivity, "d"
    ),
    declare(
        "item:Body",
        ALL,
        values.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "dg",
    ),
    declare("item:DateTimeReceived", ALL, values.TIME, lambda item, _: item.received),
    declare(
        "item:Size",
        ALL,
        values.INT,
        lambda item, _: 1000 + len(item.body.html) + 2 * len(item.body.text),
        "d",
    ),
    declare(
        "item:Categories", ALL, values.STRINGS, lambda item, _: item.categories or None
    ),
    declare("item:Importance", ALL, values.TEXT, lambda item, _: item.importance),
    declare("item:IsSubmitted", ALL, values.BOOL, lambda item, _: False),
    declare("item:IsDraft", ALL, values.BOOL, lambda item, _: item.is_draft),
    declare(
        "item:IsFromMe",
        ALL,
        values.BOOL,
        lambda item, box: bool(item.author and item.author.address == box.address),
    ),
    declare("item:IsResend", ALL, values.BOOL, lambda item, _: False),
    declare(
        "item:IsUnmodified",
        ALL,
        values.BOOL,
        lambda item, _: item.modified == item.created,
    ),
    declare("item:DateTimeSent", ALL, values.TIME, lambda item, _: item.sent, "d"),
    declare(
        "item:DateTimeCreated", ALL, values.TIME, lambda item, _: item.created, "d"
    ),
    declare("item:ResponseObjects", ALL, values.OBJECTS, _response_objects, "g"),
    declare("item:ReminderIsSet", ALL, values.BOOL, lambda item, _: item.reminder),
    declare(
        "item:ReminderMinutesBeforeStart",
        ALL,
        values.INT,
        lambda item, _: item.reminder_minutes,
    ),
    declare(
        "item:DisplayCc", ALL, values.TEXT, lambda item, _: _names(item.cc) or None
    ),
    declare(
        "item:DisplayTo", ALL, values.TEXT, lambda item, _: _names(item.to) or None
    ),
    declare("item:HasAttachments", ALL, values.BOOL, lambda item, _: False, "d"),
    declare("item:Culture", ALL, values.TEXT, lambda item, _: "en-US"),
    declare("item:EffectiveRights", ALL, values.RIGHTS, lambda item, _: True),
    declare(
        "item:LastModifiedName", ALL, values.TEXT, lambda item, box: box.account.name
    ),
    declare("item:LastModifiedTime", ALL, values.TIME, lambda item, _: item.modified),
    declare("item:IsAssociated", ALL, values.BOOL, lambda item, _: False),
    declare(
        "item:UniqueBody",
        ALL,
        values.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "gu",
    ),
    declare("item:Flag", ALL, values.FLAG, lambda item, _: "NotFlagged"),
    declare(
        "item:NormalizedBody",
        ALL,
        values.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "gu",
    ),
    declare(
        "item:Preview", ALL, values.TEXT, lambda item, _: item.body.text[:255] or None
    ),
    declare(
        "item:TextBody",
        ALL,
        values.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "gu",
    ),
    declare(
        "item:InstanceKey", ALL, values.TEXT, lambda item, _: _binary(item.id[-24:])
    ),
    declare("message:Sender", MAIL, values.PERSON, lambda item, _: item.sender),
    declare(
        "message:ToRecipients",
        MAIL,
        values.PEOPLE,
        lambda item, _: item.to or None,
        "dg",
    ),
    declare(
        "message:CcRecipients",
        MAIL,
        values.PEOPLE,
        lambda item, _: item.cc or None,
        "g",
    ),
    declare(
        "message:BccRecipients",
        MAIL,
        values.PEOPLE,
        lambda item, _: item.bcc or None,
        "g",
    ),
    declare("message:IsReadReceiptRequested", MAIL, values.BOOL, lambda item, _: False),
    declare(
        "message:IsDeliveryReceiptRequested", MAIL, values.BOOL, lambda item, _: False
    ),
    declare(
        "message:ConversationTopic",
        MAIL,
        values.TEXT,
        lambda item, _: item.subject.partition(": ")[2] or item.subject or None,
    ),
    declare("message:From", MAIL, values.PERSON, lambda item, _: item.author, "d"),
    declare(
        "message:InternetMessageId",
        MAIL,
        values.TEXT,
        lambda item, _: item.message_id or None,
    ),
    declare("message:IsRead", MAIL, values.BOOL, lambda item, _: item.is_read, "d"),
    declare(
        "message:IsResponseRequested",
        MAIL,
        values.BOOL,
        of(lambda meeting: meeting.response_requested),
    ),
    declare(
        "message:ReceivedBy",
        MAIL,
        values.PERSON,
        lambda item, box: MailboxUser(box.account.name, box.address),
    ),
    declare(
        "message:ReceivedRepresenting",
        MAIL,
        values.PERSON,
        lambda item, box: MailboxUser(box.account.name, box.address),
    ),
)
