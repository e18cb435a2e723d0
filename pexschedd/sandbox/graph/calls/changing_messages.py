"""Changes of messages: read flags and categories, deletion, moves, sending."""

import base64
import binascii
from email import message_from_bytes, policy
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from pexschedd.sandbox.graph.calls.graph_call import GraphCall, no_content
from pexschedd.sandbox.graph.entities import (
    bodies_json,
    extended,
    item_ids,
    people,
    values,
)
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.items import bodies
from pexschedd.sandbox.items.records import Body, Item, ItemKind, MailboxUser
from pexschedd.sandbox.mailboxes import internet_mail
from pexschedd.sandbox.mailboxes.internet_mail import IcsError

_POLICY = policy.default.clone(header_factory=lru_cache(500)(HeaderRegistry()))
"""Python's own, which parses a header at each look, a part's type many times."""

_WRITABLE = {"isRead", "categories", "importance", extended.NAME}


def update_message(call: GraphCall) -> GraphAnswer:
    """Change what may change of a message that was received."""
    item, document = call.message(), call.request.document()
    for name in document:
        if name not in _WRITABLE and "@" not in name:
            raise GraphError(
                "ErrorInvalidPropertySet", f"The property '{name}' cannot be changed."
            )
    mailbox = call.mailbox
    others = {name for name in document if name != "isRead" and "@" not in name}
    if "categories" in document:
        item.categories = values.texts(document["categories"], "categories")
    if "importance" in document:
        item.importance = values.chosen(
            document["importance"], "importance", ("Low", "Normal", "High")
        )
    if extended.NAME in document:
        extended.store(item, document[extended.NAME])
    if others:
        mailbox.changed(item)
    if isinstance(document.get("isRead"), bool):
        mailbox.mark_read(item, document["isRead"])
    view = call.view()
    return call.answer_one(call.write_message(item, view), view, "messages")


def delete_message(call: GraphCall) -> GraphAnswer:
    """Move a message to Deleted Items, or out of there for good."""
    item = _to_delete(call)
    if item.folder == "deleteditems":
        call.mailbox.move(item, "recoverableitemsdeletions")
    else:
        call.mailbox.move(item, "deleteditems")
    return no_content()


def permanently_delete_message(call: GraphCall) -> GraphAnswer:
    """Delete a message for good."""
    check_permanent_delete(call)
    call.mailbox.remove(_to_delete(call))
    return no_content()


def check_permanent_delete(call: GraphCall) -> None:
    """Refuse the action where the cloud does not have it. Raises `GraphError`."""
    if not call.settings.permanent_delete:
        raise GraphError(
            "BadRequest", "Resource not found for the segment 'permanentDelete'."
        )


def _to_delete(call: GraphCall) -> Item:
    """Return the message; by an immutable id, one that is gone is another error."""
    try:
        item = call.message()
    except GraphError as error:
        gone = error.code == "ErrorItemNotFound"
        if gone and item_ids.is_immutable(call.parameters["message"]):
            raise GraphError("ErrorCannotDeleteObject") from None
        raise
    if item.folder == "recoverableitemsdeletions":
        raise GraphError("ErrorCannotDeleteObject")
    return item


def move_message(call: GraphCall) -> GraphAnswer:
    """Move a message to another folder."""
    item = call.message()
    target = call.request.document().get("destinationId")
    if target is None:
        target = call.request.document().get("DestinationId")
    if not isinstance(target, str):
        raise GraphError("ErrorInvalidRequest", "destinationId: is missing.")
    call.mailbox.move(item, call.folder_named(target).name)
    view = call.view()
    document = call.write_message(item, view)
    return call.answer_one(document, view, "messages", HTTPStatus.CREATED)


def send_mail(call: GraphCall) -> GraphAnswer:
    """Send a message, given as JSON or as MIME in base64."""
    kind = call.request.headers.get("content-type", "").partition(";")[0].lower()
    if kind.strip() == "text/plain":
        _send_mime(call)
        return no_content(HTTPStatus.ACCEPTED)
    document = {key.lower(): value for key, value in call.request.document().items()}
    message = document.get("message")
    if not isinstance(message, dict):
        raise GraphError("ErrorInvalidRequest", "message: is missing.")
    saved = document.get("savetosentitems")
    item = _draft(
        call,
        values.text(message.get("subject"), "subject"),
        people.read_recipients(message.get("toRecipients"), "toRecipients"),
    )
    item.cc = people.read_recipients(message.get("ccRecipients"), "ccRecipients")
    item.bcc = people.read_recipients(message.get("bccRecipients"), "bccRecipients")
    item.body = bodies_json.read(message.get("body"))
    _send(call, item, save=saved is not False)
    return no_content(HTTPStatus.ACCEPTED)


def _draft(call: GraphCall, subject: str, to: tuple[MailboxUser, ...]) -> Item:
    now = call.exchange.now()
    me = call.exchange.person(call.mailbox.address)
    return Item(
        kind=ItemKind.MESSAGE,
        item_class="IPM.Note",
        subject=bodies.clean_text(subject),
        created=now,
        modified=now,
        received=now,
        sender=me,
        author=me,
        to=to,
    )


def _send(call: GraphCall, item: Item, *, save: bool) -> None:
    if not (item.to or item.cc or item.bcc):
        raise GraphError("ErrorInvalidRecipients", "At least one recipient is needed.")
    call.exchange.post(call.mailbox, item)
    if save:
        call.mailbox.add(item, "sentitems")


def _send_mime(call: GraphCall) -> None:
    try:
        raw = base64.b64decode(call.request.body, validate=False)
        mail: Any = message_from_bytes(raw, policy=_POLICY)
    except (binascii.Error, ValueError):
        raise GraphError("ErrorMimeContentInvalidBase64String") from None
    people_to = [
        MailboxUser(each.display_name, each.addr_spec)
        for header in mail.get_all("to", [])
        for each in header.addresses
    ]
    if not people_to:
        raise GraphError("ErrorInvalidRecipients", "At least one recipient is needed.")
    _check_from(call, mail)
    calendar = _calendar_part(mail)
    if calendar is not None:
        for person in people_to:
            if call.exchange.find(person.address) is not None:
                _receive(call, person.address, calendar, mail)
    item = _draft(call, str(mail.get("subject", "")), tuple(people_to))
    item.message_id = _message_id(mail)
    item.body = _body_of(mail) or item.body
    if calendar is None:
        _send(call, item, save=True)
        return
    item.sent, item.is_draft, item.is_read = item.received, False, True
    call.mailbox.add(item, "sentitems")


def _check_from(call: GraphCall, mail: Any) -> None:
    account = call.mailbox.account
    own = {each.casefold() for each in (account.address, *account.aliases)}
    for header in mail.get_all("from", []):
        if any(each.addr_spec.casefold() not in own for each in header.addresses):
            raise GraphError("ErrorSendAsDenied", status=HTTPStatus.FORBIDDEN)


def _message_id(mail: Any) -> str:
    return str(mail.get("message-id", "")).strip()


def _body_of(mail: Any) -> Body | None:
    """Return the text of a mail, its HTML rather than the plain one, if it has any."""
    part = mail.get_body(preferencelist=("html", "plain"))
    if part is None:
        return None
    text = part.get_content()
    as_html = part.get_content_type() == "text/html"
    return bodies.from_html(text) if as_html else bodies.from_text(text)


def _calendar_part(mail: EmailMessage) -> str | None:
    """Return the text/calendar part that says its method in its header."""
    for part in mail.walk():
        if part.get_content_type() == "text/calendar" and part.get_param("method"):
            return str(part.get_content())
    return None


def _receive(call: GraphCall, address: str, calendar: str, mail: Any) -> None:
    try:
        internet_mail.receive(
            call.exchange,
            address,
            calendar,
            call.mailbox.address,
            body=_body_of(mail),
            message_id=_message_id(mail),
        )
    except IcsError as error:
        raise GraphError("ErrorMimeContentInvalid", str(error)) from None
