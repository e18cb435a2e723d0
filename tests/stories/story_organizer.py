"""An organizer at an independent Exchange client: exchangelib, unmodified."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import exchangelib as ex
from exchangelib.folders import Calendar, Inbox, Root
from exchangelib.items import SEND_ONLY_TO_ALL, SEND_TO_ALL_AND_SAVE_COPY
from exchangelib.version import EXCHANGE_2016, Version
from twisted.internet.threads import deferToThread

from tests.exchangelib_answers import make_quick
from tests.stories.story_clock import Clock
from tests.stories.story_letters import Letter, letter_of
from tests.stories.story_terms import EQUIPMENT, HOUR

T = TypeVar("T")
make_quick()

SHOWN = ("item_class", "text_body", "datetime_received")
"""The fields of an answer that a letter is made from."""


class Organizer:
    """One person's Outlook: exchangelib, in a thread. Every action takes a minute."""

    def __init__(self, exchange: str, address: str, now: Clock) -> None:
        self.address = address
        self._now = now
        self._read = 0
        user = address.partition("@")[0]
        self.account = ex.Account(
            primary_smtp_address=address,
            autodiscover=False,
            access_type=ex.DELEGATE,
            default_timezone=ex.UTC,
            config=ex.Configuration(
                service_endpoint=f"{exchange}/EWS/Exchange.asmx",
                credentials=ex.Credentials(address, user),
                auth_type="basic",
                version=Version(EXCHANGE_2016),
            ),
        )
        # The folders as everybody has them, which need not be looked up.
        self.account.root = root = Root(account=self.account)
        self.account.inbox = inbox = Inbox(root=root)
        self.account.calendar = calendar = Calendar(root=root)
        for folder in (root, inbox, calendar):
            folder.to_id()  # by name

    async def close(self) -> None:
        await self.do(self.account.protocol.close)

    async def do(self, work: Callable[[], T]) -> T:
        """Anything with `account`, a minute after the last action."""
        self._now.advance()
        done: T = await deferToThread(work)
        return done

    async def invite(
        self,
        subject: str,
        start: datetime,
        end: datetime | None = None,
        *,
        body: str = "",
        resources: Sequence[str] = (EQUIPMENT,),
        **more: Any,
    ) -> Any:
        """Sends a new meeting, of an hour unless said otherwise. `body` is HTML, or
        an `exchangelib.Body`; `more` are exchangelib's fields. Gives its item."""

        def work() -> Any:
            item = ex.CalendarItem(
                account=self.account,
                folder=self.account.calendar,
                subject=subject,
                start=ews_time(start),
                end=ews_time(end or start + HOUR),
                body=body if isinstance(body, ex.Body) else ex.HTMLBody(body),
                resources=attendees(*resources),
                **more,
            )
            item.save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
            return item

        return await self.do(work)

    async def change(self, item: Any, **changes: Any) -> None:
        """Changes fields of a meeting, and sends it to everybody."""

        def work() -> None:
            self._renew(item)
            for name, value in changes.items():
                setattr(item, name, value)
            item.save(
                update_fields=list(changes),
                send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY,
            )

        await self.do(work)

    async def move(
        self, item: Any, start: datetime, end: datetime | None = None
    ) -> None:
        await self.change(
            item, start=ews_time(start), end=ews_time(end or start + HOUR)
        )

    async def cancel(self, item: Any) -> None:
        def work() -> None:
            self._renew(item)
            item.delete(send_meeting_cancellations=SEND_ONLY_TO_ALL)

        await self.do(work)

    def _renew(self, item: Any) -> None:
        """Take over the server's version of an item, without which it is not changed.
        Reading all fields, as `refresh` does, takes longer than the change itself."""
        (stored,) = self.account.fetch([item], only_fields=["changekey"])
        item.changekey = stored.changekey

    async def letters(self) -> list[Letter]:
        """All answers in the inbox, oldest first."""

        def work() -> list[Any]:
            shown = self.account.inbox.all().only(*SHOWN)
            return list(shown.order_by("datetime_received"))

        found = await deferToThread(work)
        return [letter_of(each) for each in found]

    async def reads(self) -> list[Letter]:
        """The answers that have come since the last time."""
        letters = await self.letters()
        new, self._read = letters[self._read :], len(letters)
        return new


def attendees(*addresses: str) -> list[Any]:
    return [ex.Attendee(mailbox=ex.Mailbox(email_address=a)) for a in addresses]


def ews_time(moment: datetime) -> Any:
    return ex.EWSDateTime.from_datetime(moment)
