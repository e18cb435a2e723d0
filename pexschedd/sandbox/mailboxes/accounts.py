"""Accounts of the sandbox: the default ones, or those of a JSON file.

The file is a list of objects with the fields of `Account`::

    [{"address": "alice@example.test", "name": "Alice", "password": "alice"},
     {"address": "room1@example.test", "name": "Room 1", "processing": "auto_accept"}]
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

import msgspec

_ADDRESS = re.compile(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,253}")


MailboxType = Literal["Mailbox", "PublicDL", "Contact", "GroupMailbox"]


class AccountsError(Exception):
    """A mistake in the accounts file; the message says where."""


class Processing(StrEnum):
    """The automatic processing of meeting messages that arrive in a mailbox."""

    NONE = "none"
    """None: a resource whose requests are answered by a client."""
    AUTO_UPDATE = "auto_update"
    """The calendar attendant: a tentative entry in the calendar; people."""
    AUTO_ACCEPT = "auto_accept"
    """The booking attendant: answers, files and strips the body; rooms."""


class CalendarProcessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The booking attendant's switches, as `Set-CalendarProcessing` names them; the
    defaults are those of Exchange for a room."""

    delete_comments: bool = True
    """Delete the body of what is accepted."""
    delete_subject: bool = True
    add_organizer_to_subject: bool = True
    remove_private_property: bool = True


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account, its mailbox, and its permissions."""

    address: str
    """Primary SMTP address, and the user name to sign in with."""
    name: str = ""
    password: str | None = None
    """None: the account cannot sign in."""
    processing: Processing = Processing.AUTO_UPDATE
    calendar_processing: CalendarProcessing = CalendarProcessing()
    """Of AUTO_ACCEPT alone."""
    impersonates: tuple[str, ...] = ()
    """Addresses that this account may act as; "*" means all."""
    open_to: tuple[str, ...] = ()
    """Addresses of accounts that may open this mailbox as delegates."""
    aliases: tuple[str, ...] = ()
    """Further SMTP addresses."""
    mailbox_type: MailboxType = "Mailbox"
    """The type in the address book. All but "Mailbox" have no mailbox."""
    ews_enabled: bool = True
    """False: EWS is switched off for this mailbox, status 403."""
    disabled: bool = False
    """The account cannot sign in; its mailbox is there, as resources' are."""
    server_group: str = "SITE01"
    """The GroupingInformation that Autodiscover gives for this mailbox."""
    password_expired: bool = False
    """The account cannot sign in until its password is changed."""
    purpose: Literal["", "user", "linked", "shared", "room", "equipment", "others"] = ""
    """The purpose that Graph's mailbox settings name; "": the one that goes with the
    processing."""

    @property
    def local(self) -> str:
        """The local part of the address."""
        return self.address.partition("@")[0]

    @property
    def domain(self) -> str:
        """The domain of the address."""
        return self.address.partition("@")[2]

    @property
    def can_sign_in(self) -> bool:
        """The account is neither disabled nor is its password expired."""
        return not (self.disabled or self.password_expired)

    def may_impersonate(self, address: str) -> bool:
        """Return whether the account may act as this address."""
        return "*" in self.impersonates or _listed(address, self.impersonates)

    def is_open_to(self, address: str) -> bool:
        """Return whether this account may open the mailbox as a delegate."""
        return _listed(address, self.open_to)


def default_accounts() -> list[Account]:
    """Return two people, a service account, the equipment mailbox and a room."""
    return [
        Account("alice@example.test", "Alice Archer", "alice"),
        Account("bob@example.test", "Bob Baker", "bob"),
        Account("svc@example.test", "Scheduling Service", "svc", impersonates=("*",)),
        Account(
            "pexipmeeting@example.test", "Pexip Meeting", processing=Processing.NONE
        ),
        Account(
            "room1@example.test",
            "Room 1",
            "room1",
            processing=Processing.AUTO_ACCEPT,
        ),
    ]


def read_accounts(data: bytes) -> list[Account]:
    """Return the accounts in the content of a JSON file. Raises `AccountsError`."""
    try:
        accounts = msgspec.json.decode(data, type=list[Account])
    except msgspec.DecodeError as error:
        raise AccountsError(str(error)) from None
    check_accounts(accounts)
    return accounts


def check_accounts(accounts: Sequence[Account]) -> None:
    """Raise `AccountsError` for mistakes that types alone cannot exclude."""
    if not accounts:
        raise AccountsError("there must be at least one account")
    seen: set[str] = set()
    for index, account in enumerate(accounts):
        for address in (account.address, *account.aliases):
            if not _ADDRESS.fullmatch(address):
                raise AccountsError(f"$[{index}]: {address!r} is no mail address")
            if address.casefold() in seen:
                raise AccountsError(f"$[{index}]: {address!r} is there twice")
            seen.add(address.casefold())
    for index, account in enumerate(accounts):
        for field, others in (
            ("impersonates", account.impersonates),
            ("open_to", account.open_to),
        ):
            for other in others:
                known = other.casefold() in seen or (
                    other == "*" and field == "impersonates"
                )
                if not known:
                    raise AccountsError(f"$[{index}].{field}: no account {other!r}")


def _listed(address: str, addresses: Sequence[str]) -> bool:
    wanted = address.casefold()
    return any(wanted == each.casefold() for each in addresses)
