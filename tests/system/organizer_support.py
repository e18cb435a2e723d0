"""exchangelib, unmodified, as an organizer who knows nothing of this project."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from exchangelib import (
    DELEGATE,
    Account,
    Attendee,
    Body,
    CalendarItem,
    Configuration,
    Credentials,
    EWSDateTime,
    HTMLBody,
    Mailbox,
)
from exchangelib.items import SEND_ONLY_TO_ALL, SEND_TO_ALL_AND_SAVE_COPY
from exchangelib.version import EXCHANGE_2016, Version

from tests.system.system_support import EQUIPMENT

__all__ = ["Body", "Organizer"]


class Organizer:
    """One person's Outlook."""

    def __init__(self, exchange: str, address: str) -> None:
        user = address.partition("@")[0]
        self._account = Account(
            primary_smtp_address=address,
            autodiscover=False,
            access_type=DELEGATE,
            config=Configuration(
                service_endpoint=f"{exchange}/EWS/Exchange.asmx",
                credentials=Credentials(address, user),
                auth_type="basic",
                version=Version(EXCHANGE_2016),
            ),
        )

    def close(self) -> None:
        self._account.protocol.close()

    def invite(
        self,
        subject: str,
        start: datetime,
        end: datetime,
        body: str,
        resources: tuple[str, ...] = (EQUIPMENT,),
    ) -> CalendarItem:
        item = CalendarItem(
            account=self._account,
            folder=self._account.calendar,
            subject=subject,
            start=self._local(start),
            end=self._local(end),
            body=HTMLBody(body),
            resources=[Attendee(mailbox=Mailbox(email_address=a)) for a in resources],
        )
        item.save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
        return item

    def move(self, item: CalendarItem, start: datetime, end: datetime) -> None:
        item.refresh()
        item.start, item.end = self._local(start), self._local(end)
        item.save(
            update_fields=["start", "end"],
            send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY,
        )

    def rename(self, item: CalendarItem, subject: str) -> None:
        item.refresh()
        item.subject = subject
        item.save(
            update_fields=["subject"],
            send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY,
        )

    def cancel(self, item: CalendarItem) -> None:
        item.refresh()
        item.delete(send_meeting_cancellations=SEND_ONLY_TO_ALL)

    def answers(self) -> list[tuple[str, str]]:
        """The responses in the inbox, oldest first: item class and text."""
        found = self._account.inbox.all().order_by("datetime_received")
        return [(item.item_class, str(item.text_body or item.body)) for item in found]

    def body(self, subject: str) -> str:
        """Of the meeting in the own calendar."""
        return str(self._account.calendar.all().get(subject=subject).body)

    def _local(self, instant: datetime) -> Any:
        return EWSDateTime.from_datetime(instant).astimezone(
            self._account.default_timezone
        )


@contextmanager
def organizer(exchange: str, address: str) -> Iterator[Organizer]:
    person = Organizer(exchange, address)
    try:
        yield person
    finally:
        person.close()
