"""One call of an operation: its caller, its mailbox, and how its answer is put
together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import partial

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError, SchemaError
from pexschedd.sandbox.items import ids, series, timezones
from pexschedd.sandbox.items.records import Item
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import FOLDERS, MailboxFolder, SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.notifications.subscriptions import (
    MailboxSubscription,
    RequestRouting,
    Subscriptions,
)
from pexschedd.sandbox.operations.envelope import SoapRequest

DISTINGUISHED = (
    *FOLDERS,
    *("publicfoldersroot", "searchfolders", "voicemail", "recoverableitemsversions"),
    *("recoverableitemspurges", "recoverableitemsdiscoveryholds", "archiveroot"),
    *("archivemsgfolderroot", "archivedeleteditems", "archiveinbox"),
    *("archiverecoverableitemsroot", "archiverecoverableitemsdeletions"),
    *("archiverecoverableitemsversions", "archiverecoverableitemspurges"),
    *("archiverecoverableitemsdiscoveryholds", "syncissues", "conflicts"),
    *("localfailures", "serverfailures", "recipientcache", "quickcontacts"),
    *("conversationhistory", "adminauditlogs", "todosearch", "mycontacts"),
    *("directory", "imcontactlist", "peopleconnect", "favorites", "mecontact"),
    *("personmetadata", "teamspaceactivity", "teamspacemessaging"),
    *("teamspaceworkitems", "scheduled", "orionnotes", "tagitems", "alltaggeditems"),
    *("externalcontacts", "teamchat", "teamchathistory", "yammerroot"),
    *("yammerinbound", "yammeroutbound", "yammerfeeds", "onedriveroot"),
    *("onedriverecylebin", "onedrivesystem", "onedrivevolume", "important"),
    *("starred", "archive"),
)
_ID_ATTRIBUTES = {
    "ItemId": "Id",
    "ReferenceItemId": "Id",
    "OccurrenceItemId": "RecurringMasterId",
    "RecurringMasterItemId": "OccurrenceId",
}
Job = Callable[[Element], object]
"""Fills one successful response message, or raises `EwsError`."""


@dataclass
class ItemFault:
    """A fault on demand for one item of a call."""

    error: EwsError
    after: bool
    """The item is processed all the same."""


@dataclass
class OperationCall:
    """A call of an operation, and what the answer does besides its content."""

    exchange: Exchange
    mailbox: SandboxMailbox
    """The mailbox that the call is about unless it names another: the caller's own or
    the impersonated one."""
    request: SoapRequest
    fault: Callable[[int], ItemFault | None]
    """Returns the fault on demand for the n-th item, if there is one."""
    caller: SandboxMailbox
    """The mailbox of the account that has signed in."""
    subscriptions: Subscriptions
    routing: RequestRouting
    late_meetings: timedelta = timedelta(0)
    """The age up to which a search does not find organizers' meetings."""
    cookies: dict[str, str] = field(default_factory=dict)
    """The cookies that the answer sets."""
    opening: tuple[list[MailboxSubscription], int] | None = None
    """The subscriptions to stream after the answer, and the minutes to do so."""

    @property
    def element(self) -> Element:
        """The element of the operation."""
        return self.request.element

    def shows(self, item: Item) -> bool:
        """Return whether a search finds this item already."""
        return (
            not self.late_meetings
            or not item.is_organizer
            or self.exchange.now() - item.created >= self.late_meetings
        )

    @property
    def zone(self) -> tzinfo:
        """The zone of times without an offset."""
        return timezones.read_zone(self.request.zone)

    def time(self, element: Element, text: str) -> datetime:
        """Return an xs:dateTime of the request in UTC. Raises `SchemaError`."""
        try:
            return markup.read_time(text, self.zone)
        except ValueError as error:
            raise SchemaError(str(error), markup.line(element)) from None

    def answer(
        self, jobs: Iterable[Job], container: Callable[[Element], object] | None = None
    ) -> Element:
        """Return the response: one message for each job, in order.

        `container` adds the elements that even a failed message has to hold.
        """
        name = self.request.operation
        response = markup.message(f"{name}Response")
        messages = markup.m(response, "ResponseMessages")
        for index, job in enumerate(jobs):
            messages.append(self._one(name, index, job, container))
        return response

    def _one(
        self,
        name: str,
        index: int,
        job: Job,
        container: Callable[[Element], object] | None,
    ) -> Element:
        fault = self.fault(index)
        try:
            if fault is not None and not fault.after:
                raise fault.error
            good = markup.message(f"{name}ResponseMessage", ResponseClass="Success")
            markup.m(good, "ResponseCode", "NoError")
            job(good)
            if fault is not None:
                raise fault.error
        except EwsError as error:
            if isinstance(error, SchemaError):
                raise
            return failed(name, error, container)
        return good

    def open(self, mailbox: SandboxMailbox) -> SandboxMailbox:
        """Return a mailbox. Raises `EwsError` if the caller may not open it."""
        if mailbox is self.mailbox or mailbox.account.is_open_to(self.mailbox.address):
            return mailbox
        raise EwsError("ErrorAccessDenied")

    def folders(
        self, parent: Element
    ) -> list[Callable[[], tuple[SandboxMailbox, MailboxFolder]]]:
        """Return a function for each folder id in a list, which finds that folder."""
        if not len(parent):
            raise markup.missing(parent, "FolderId")
        return [partial(self.folder, each) for each in parent]

    def folder(self, element: Element) -> tuple[SandboxMailbox, MailboxFolder]:
        """Return the folder of a DistinguishedFolderId or FolderId, and its mailbox.

        Raises `EwsError`.
        """
        kind, text = markup.name_of(element), markup.need(element, "Id")
        if kind == "DistinguishedFolderId":
            markup.chosen(element, "Id", text, DISTINGUISHED)
            address = markup.text_t(element, "Mailbox/EmailAddress")
            mailbox = self.exchange.find(address) if address else self.mailbox
            if mailbox is None:
                raise EwsError("ErrorNonExistentMailbox")
            folder = self.open(mailbox).folders.get(text)
        elif kind == "FolderId":
            mailbox = self._mailbox_of(text, "ErrorFolderNotFound")
            folder = mailbox.folder_with_id(text)
        else:
            raise markup.unexpected(element)
        if folder is None:
            raise EwsError("ErrorFolderNotFound")
        return mailbox, folder

    def target(self, name: str) -> tuple[SandboxMailbox, MailboxFolder] | None:
        """Return the folder within a child such as SavedItemFolderId, if there is
        one."""
        element = markup.find_m(self.element, name)
        if element is None:
            return None
        if len(element) != 1:
            raise markup.missing(element, "FolderId")
        return self.folder(element[0])

    def item(self, element: Element) -> tuple[SandboxMailbox, Item]:
        """Return the item of an ItemId element, or of one that names an occurrence by
        its number, or a series by an occurrence.

        Raises `EwsError`.
        """
        attribute = _ID_ATTRIBUTES.get(markup.name_of(element))
        if attribute is None:
            raise markup.unexpected(element)
        text = markup.need(element, attribute)
        key = element.get("ChangeKey")
        if key and ids.change_of(key) is None:
            raise EwsError("ErrorInvalidChangeKey")
        mailbox = self._mailbox_of(text, "ErrorItemNotFound")
        item = mailbox.get(text)
        if item is None:
            raise EwsError("ErrorItemNotFound")
        if attribute == "RecurringMasterId":
            if not series.is_series(item):
                raise EwsError("ErrorCalendarCannotUseIdForRecurringMasterId")
            index = markup.need_int(element, "InstanceIndex", -(2**31), 2**31 - 1)
            item = series.nth(item, index)
        elif attribute == "OccurrenceId":
            item = mailbox.master_of(item)
            if item is None:
                raise EwsError("ErrorCalendarCannotUseIdForOccurrenceId")
        return mailbox, item

    def _mailbox_of(self, identifier: str, unknown: str) -> SandboxMailbox:
        if not identifier:
            raise EwsError("ErrorInvalidIdEmpty")
        guid = ids.mailbox_of(identifier)
        if guid is None:
            raise EwsError("ErrorInvalidIdMalformed")
        mailbox = self.exchange.with_guid(guid)
        if mailbox is None:
            raise EwsError(unknown)
        return self.open(mailbox)


def failed(
    name: str,
    error: EwsError,
    container: Callable[[Element], object] | None = None,
    response_class: str = "Error",
) -> Element:
    """Return a response message about an error."""
    bad = markup.message(f"{name}ResponseMessage", ResponseClass=response_class)
    markup.m(bad, "MessageText", error.text)
    markup.m(bad, "ResponseCode", error.code)
    markup.m(bad, "DescriptiveLinkKey", "0")
    if error.values:
        more = markup.m(bad, "MessageXml")
        for key, value in error.values.items():
            markup.t(more, "Value", value, Name=key)
    if container is not None:
        container(bad)
    return bad


def no_items(parent: Element) -> None:
    """Add the empty container of operations that answer with items."""
    markup.m(parent, "Items")
