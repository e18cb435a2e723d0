"""The properties that all items have, and those of messages."""

import base64
from collections.abc import Iterable

from pexschedd.sandbox.items.records import EMPTY_BODY, Item, ItemKind, MailboxUser
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.properties import value_types
from pexschedd.sandbox.properties.definitions import (
    ALL,
    MAIL,
    declare,
    from_meeting,
)


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
        value_types.IDENTIFIER,
        lambda item, box: (item.id, box.change_key(item)),
        "d",
    ),
    declare(
        "item:ParentFolderId",
        ALL,
        value_types.IDENTIFIER,
        lambda item, box: (
            box.folders[item.folder].id,
            box.folder_change_key(box.folders[item.folder]),
        ),
    ),
    declare("item:ItemClass", ALL, value_types.TEXT, lambda item, _: item.item_class),
    declare(
        "item:Subject", ALL, value_types.TEXT, lambda item, _: item.subject or None, "d"
    ),
    declare(
        "item:Sensitivity", ALL, value_types.TEXT, lambda item, _: item.sensitivity, "d"
    ),
    declare(
        "item:Body",
        ALL,
        value_types.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "dg",
    ),
    declare(
        "item:DateTimeReceived", ALL, value_types.TIME, lambda item, _: item.received
    ),
    declare(
        "item:Size",
        ALL,
        value_types.INT,
        lambda item, _: 1000 + len(item.body.html) + 2 * len(item.body.text),
        "d",
    ),
    declare(
        "item:Categories",
        ALL,
        value_types.STRINGS,
        lambda item, _: item.categories or None,
    ),
    declare("item:Importance", ALL, value_types.TEXT, lambda item, _: item.importance),
    declare("item:IsSubmitted", ALL, value_types.BOOL, lambda item, _: False),
    declare("item:IsDraft", ALL, value_types.BOOL, lambda item, _: item.is_draft),
    declare(
        "item:IsFromMe",
        ALL,
        value_types.BOOL,
        lambda item, box: bool(item.author and item.author.address == box.address),
    ),
    declare("item:IsResend", ALL, value_types.BOOL, lambda item, _: False),
    declare(
        "item:IsUnmodified",
        ALL,
        value_types.BOOL,
        lambda item, _: item.modified == item.created,
    ),
    declare("item:DateTimeSent", ALL, value_types.TIME, lambda item, _: item.sent, "d"),
    declare(
        "item:DateTimeCreated", ALL, value_types.TIME, lambda item, _: item.created, "d"
    ),
    declare("item:ResponseObjects", ALL, value_types.OBJECTS, _response_objects, "g"),
    declare("item:ReminderIsSet", ALL, value_types.BOOL, lambda item, _: item.reminder),
    declare(
        "item:ReminderMinutesBeforeStart",
        ALL,
        value_types.INT,
        lambda item, _: item.reminder_minutes,
    ),
    declare(
        "item:DisplayCc", ALL, value_types.TEXT, lambda item, _: _names(item.cc) or None
    ),
    declare(
        "item:DisplayTo", ALL, value_types.TEXT, lambda item, _: _names(item.to) or None
    ),
    declare(
        "item:Attachments",
        ALL,
        value_types.ATTACHMENTS,
        lambda item, _: item.attachments or None,
        "gu",
    ),
    declare(
        "item:HasAttachments",
        ALL,
        value_types.BOOL,
        lambda item, _: bool(item.attachments),
        "d",
    ),
    declare("item:Culture", ALL, value_types.TEXT, lambda item, _: "en-US"),
    declare("item:EffectiveRights", ALL, value_types.RIGHTS, lambda item, _: True),
    declare(
        "item:LastModifiedName",
        ALL,
        value_types.TEXT,
        lambda item, box: box.account.name,
    ),
    declare(
        "item:LastModifiedTime", ALL, value_types.TIME, lambda item, _: item.modified
    ),
    declare("item:IsAssociated", ALL, value_types.BOOL, lambda item, _: False),
    declare(
        "item:UniqueBody",
        ALL,
        value_types.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "gu",
    ),
    declare("item:Flag", ALL, value_types.FLAG, lambda item, _: "NotFlagged"),
    declare(
        "item:NormalizedBody",
        ALL,
        value_types.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "gu",
    ),
    declare(
        "item:Preview",
        ALL,
        value_types.TEXT,
        lambda item, _: item.body.text[:255] or None,
    ),
    declare(
        "item:TextBody",
        ALL,
        value_types.BODY,
        lambda item, _: item.body if item.body != EMPTY_BODY else None,
        "gu",
    ),
    declare(
        "item:InstanceKey",
        ALL,
        value_types.TEXT,
        lambda item, _: _binary(item.id[-24:]),
    ),
    declare("message:Sender", MAIL, value_types.PERSON, lambda item, _: item.sender),
    declare(
        "message:ToRecipients",
        MAIL,
        value_types.PEOPLE,
        lambda item, _: item.to or None,
        "dg",
    ),
    declare(
        "message:CcRecipients",
        MAIL,
        value_types.PEOPLE,
        lambda item, _: item.cc or None,
        "g",
    ),
    declare(
        "message:BccRecipients",
        MAIL,
        value_types.PEOPLE,
        lambda item, _: item.bcc or None,
        "g",
    ),
    declare(
        "message:IsReadReceiptRequested", MAIL, value_types.BOOL, lambda item, _: False
    ),
    declare(
        "message:IsDeliveryReceiptRequested",
        MAIL,
        value_types.BOOL,
        lambda item, _: False,
    ),
    declare(
        "message:ConversationTopic",
        MAIL,
        value_types.TEXT,
        lambda item, _: item.subject.partition(": ")[2] or item.subject or None,
    ),
    declare("message:From", MAIL, value_types.PERSON, lambda item, _: item.author, "d"),
    declare(
        "message:InternetMessageId",
        MAIL,
        value_types.TEXT,
        lambda item, _: item.message_id or None,
    ),
    declare(
        "message:IsRead", MAIL, value_types.BOOL, lambda item, _: item.is_read, "d"
    ),
    declare(
        "message:IsResponseRequested",
        MAIL,
        value_types.BOOL,
        from_meeting(lambda meeting: meeting.response_requested),
    ),
    declare(
        "message:ReceivedBy",
        MAIL,
        value_types.PERSON,
        lambda item, box: MailboxUser(box.account.name, box.address),
    ),
    declare(
        "message:ReceivedRepresenting",
        MAIL,
        value_types.PERSON,
        lambda item, box: MailboxUser(box.account.name, box.address),
    ),
)
