"""Messages as MIME: what `$value` gives."""

from email import policy
from email.headerregistry import Address
from email.message import EmailMessage

from pexschedd.sandbox.graph.entities import icalendar
from pexschedd.sandbox.items.records import Item, MailboxUser


def written(item: Item) -> bytes:
    """Return a message with its text, its HTML, and the calendar of a meeting
    message."""
    mail = EmailMessage(policy=policy.SMTP)
    if item.author is not None:
        mail["From"] = _address(item.author)
    if item.sender is not None and item.sender != item.author:
        mail["Sender"] = _address(item.sender)
    if item.to:
        mail["To"] = tuple(_address(each) for each in item.to)
    if item.cc:
        mail["Cc"] = tuple(_address(each) for each in item.cc)
    mail["Subject"] = _one_line(item.subject)
    mail["Date"] = item.sent or item.received
    if item.message_id:
        mail["Message-ID"] = item.message_id
    mail.set_content(item.body.text)
    if item.body.html:
        mail.add_alternative(item.body.html, subtype="html")
    method = icalendar.METHODS.get(item.kind)
    if method is not None and item.meeting is not None:
        mail.add_alternative(
            icalendar.written(item, item.meeting),
            subtype="calendar",
            params={"method": method},
        )
    return mail.as_bytes()


def _address(person: MailboxUser) -> Address:
    local, _, domain = person.address.rpartition("@")
    return Address(_one_line(person.name), local, domain)


def _one_line(text: str) -> str:
    return " ".join(text.split())
