"""The mailboxes of the sandbox by address, and sources of change numbers and ids."""

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime

from pexschedd.sandbox.items import ids
from pexschedd.sandbox.items.records import Item, MailboxUser
from pexschedd.sandbox.mailboxes.accounts import Account, check_accounts
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.mailboxes.token_certificate import TokenCertificate

Addressee = str | MailboxUser


class MailboxDirectory:
    """The mailboxes of all accounts.

    `now` returns aware UTC datetimes; `unique` returns random bytes.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        *,
        now: Callable[[], datetime],
        unique: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.now = now
        self._unique = unique
        self._number = 0
        self._listeners: list[Callable[[], object]] = []
        self._certificate: TokenCertificate | None = None
        self.accounts = list(accounts)
        check_accounts(self.accounts)
        self._by_address: dict[str, SandboxMailbox] = {}
        self._by_guid: dict[str, SandboxMailbox] = {}
        for account in self.accounts:
            self._open(account, self._guid())

    @property
    def version(self) -> int:
        """A number that rises with every change."""
        return self._number

    @property
    def certificate(self) -> TokenCertificate:
        """The certificate that signs identity tokens, made when first needed."""
        if self._certificate is None:
            self._certificate = TokenCertificate.generate(self.now())
            self._next_number()
        return self._certificate

    def mailboxes(self) -> list[SandboxMailbox]:
        """Return all mailboxes, in the order of the accounts."""
        return list(self._by_guid.values())

    def add_account(self, account: Account) -> SandboxMailbox:
        """Open a mailbox for another account. Raises `AccountsError`."""
        check_accounts([*self.accounts, account])
        self.accounts.append(account)
        return self._open(account, self._guid())

    def mailbox(self, address: str) -> SandboxMailbox:
        """Return the mailbox with this address, primary or alias. Raises KeyError."""
        return self._by_address[address.casefold()]

    def find(self, address: str) -> SandboxMailbox | None:
        """Return the mailbox with this address, if there is one."""
        return self._by_address.get(address.casefold())

    def with_guid(self, guid: str) -> SandboxMailbox | None:
        """Return the mailbox with this GUID, if there is one."""
        return self._by_guid.get(guid)

    def holder(self, item: Item) -> SandboxMailbox:
        """Return the mailbox that an item lies in."""
        return self._by_guid[item.mailbox]

    def person(self, addressee: Addressee) -> MailboxUser:
        """Return the address with the name that the address book has for it."""
        if isinstance(addressee, MailboxUser):
            if addressee.name:
                return addressee
            addressee = addressee.address
        mailbox = self.find(addressee)
        name = mailbox.account.name if mailbox is not None else ""
        return MailboxUser(name or addressee, addressee)

    def new_goid(self) -> bytes:
        """Return a new clean global object id."""
        return ids.global_object_id(self.now(), self._unique(16))

    def message_id(self, address: str) -> str:
        """Return a new Internet message id for a message from this address."""
        domain = address.partition("@")[2]
        return f"<{self._unique(16).hex()}@{domain}>"

    def on_change(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback` called after each change; return a function that ends that.

        It may be called in the middle of something larger: note that something has
        changed, and look at it in another turn of the reactor.
        """
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def _open(self, account: Account, guid: str) -> SandboxMailbox:
        mailbox = SandboxMailbox(account, guid, self._next_number)
        self._by_guid[guid] = mailbox
        for address in (account.address, *account.aliases):
            self._by_address[address.casefold()] = mailbox
        return mailbox

    def _next_number(self) -> int:
        self._number += 1
        for listener in self._listeners:
            listener()
        return self._number

    def _guid(self) -> str:
        raw = self._unique(16).hex()
        return "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))

    def _mailbox(self, user: SandboxMailbox | str) -> SandboxMailbox:
        return user if isinstance(user, SandboxMailbox) else self.mailbox(user)
