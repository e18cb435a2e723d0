"""exchangelib, unmodified, talking to a sandbox on a real socket."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import exchangelib as ex
import pytest
from exchangelib import items as kinds
from exchangelib.ewsdatetime import EWSDateTime, EWSTimeZone
from exchangelib.extended_properties import ExtendedProperty
from exchangelib.items.base import BaseReplyItem
from exchangelib.protocol import close_connections
from exchangelib.version import EXCHANGE_2016, Version
from twisted.internet.threads import deferToThread

from tests.exchangelib_answers import make_quick
from tests.sandbox.sandbox_support import EQUIPMENT, SVC

T = TypeVar("T")
make_quick()
BERLIN = EWSTimeZone("Europe/Berlin")
START = EWSDateTime(2026, 12, 1, 10, 0, tzinfo=BERLIN)
HOUR = timedelta(hours=1)


class GlobalObjectId(ExtendedProperty):  # type: ignore[misc]  # exchangelib has no types
    """PidLidCleanGlobalObjectId: what finds the copies of a meeting."""

    distinguished_property_set_id = "Meeting"
    property_id = 35
    property_type = "Binary"


@pytest.fixture(scope="module")
def clean_goid() -> Iterator[None]:
    for kind in (ex.CalendarItem, kinds.MeetingRequest):
        kind.register("clean_goid", GlobalObjectId)
    yield
    for kind in (ex.CalendarItem, kinds.MeetingRequest):
        kind.deregister("clean_goid")


class RemoveItem(BaseReplyItem):  # type: ignore[misc]  # exchangelib has no types
    """The one response object that exchangelib lacks."""

    ELEMENT_NAME = "RemoveItem"
    FIELDS = BaseReplyItem.FIELDS


class Client:
    """Accounts at one sandbox."""

    def __init__(self, url: str) -> None:
        self._endpoint = f"{url}/EWS/Exchange.asmx"

    def account(
        self,
        address: str,
        user: str | None = None,
        password: str | None = None,
        access: str = ex.DELEGATE,
        version: Version | None = None,
    ) -> Any:
        user = user or address
        config = ex.Configuration(
            service_endpoint=self._endpoint,
            credentials=ex.Credentials(user, password or user.partition("@")[0]),
            auth_type="basic",
            retry_policy=ex.FailFast(),
            version=version or Version(build=EXCHANGE_2016),
        )
        return ex.Account(
            address,
            config=config,
            autodiscover=False,
            access_type=access,
            default_timezone=EWSTimeZone("UTC"),
        )

    def service(self, address: str = EQUIPMENT) -> Any:
        """The service account, acting as somebody."""
        return self.account(address, SVC, access=ex.IMPERSONATION)


async def in_thread(served: str, work: Callable[[Client], T]) -> T:
    def run() -> T:
        try:
            return work(Client(served))
        finally:
            close_connections()

    result: T = await deferToThread(run)
    return result


def invite(account: Any, *required: str, **more: Any) -> Any:
    fields = {
        "subject": "Weekly",
        "body": ex.HTMLBody("<p>Agenda</p>"),
        "start": START,
        "end": START + HOUR,
        "required_attendees": list(required),
        **more,
    }
    item = ex.CalendarItem(account=account, folder=account.calendar, **fields)
    item.save(send_meeting_invitations=kinds.SEND_TO_ALL_AND_SAVE_COPY)
    return item


def answers(item: Any) -> dict[str, str]:
    """What each attendee has said, as the organizer sees it."""
    item.refresh()
    people = [*(item.required_attendees or []), *(item.optional_attendees or [])]
    people += item.resources or []
    return {each.mailbox.email_address: each.response_type for each in people}
