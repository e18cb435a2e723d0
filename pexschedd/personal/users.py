"""The users of personal rooms: who is known, and what a sign-in makes known."""

from collections.abc import Callable

from msgspec.structs import replace
from twisted.logger import Logger

from pexschedd.errors import UnknownUser
from pexschedd.model import tables
from pexschedd.model.end_user import EndUser, object_and_origin, origin_of
from pexschedd.model.integration.connector import Connector
from pexschedd.personal.profile import (
    Known,
    Profile,
    is_attachable,
    require_own,
    signed_in_records,
    usable,
    without_identity,
)
from pexschedd.store.store import Store

__all__ = ["PersonalUsers", "Profile"]


class PersonalUsers:
    """Reads and writes the records of users; integrations share them."""

    _log = Logger()

    def __init__(self, store: Store, uuid4: Callable[[], str]) -> None:
        self._store = store
        self._uuid4 = uuid4

    async def signed_in(
        self,
        connector: Connector,
        profile: Profile,
        exchange_user: str | None,
        *,
        correlation_id: str = "",
    ) -> EndUser:
        """Return the record of a user who has signed in; durable when this returns.

        The caller has verified `profile`; its texts need not be bounded.
        `exchange_user` is the id of the user whose token the add-in sent, verified as
        well: that user need not sign in again. Raises `UnknownUser` if the profile has
        no usable address, has no record while the integration lets no new users in, or
        has the address of another provider's user.
        """
        profile = usable(replace(profile, provider=connector.identity_provider))
        attached = exchange_user or ""
        if attached and not is_attachable(attached):
            attached = ""
            self._log.warn(
                "sign-in kept no Exchange user, its id is too long "
                "integration={integration}",
                integration=connector.id,
                correlation_id=correlation_id,
            )
        known = Known(
            by_email=self._store.find(
                tables.END_USER_BY_EMAIL, profile.email.casefold()
            ),
            by_oid=self._find(tables.END_USER_BY_OID, profile.oid),
            by_exchange_user=self._find(tables.END_USER_BY_EXCHANGE_USER, attached),
        )
        is_new = known.by_email is None and known.by_oid is None
        if is_new and not connector.allow_new_users:
            raise UnknownUser(
                "There is no user record with the address that you signed in with, and "
                "new users are not allowed. An administrator can add you."
            )
        for record in (known.by_email, known.by_oid):
            if record is not None:
                require_own(record, profile, self._others(connector))
        with self._store.transaction() as transaction:
            user, *others = signed_in_records(
                profile,
                attached,
                known,
                transaction.new_id(tables.END_USER) if is_new else 0,
                self._uuid4(),
            )
            for record in (user, *others):
                if record != self._store.get(tables.END_USER, record.id):
                    transaction.put(tables.END_USER, record)
            durable = transaction.commit()
        await durable
        self._log.info(
            "user record created integration={integration} user={user}"
            if is_new
            else "user signed in integration={integration} user={user}",
            integration=connector.id,
            user=user.id,
            correlation_id=correlation_id,
        )
        return user

    def _others(self, connector: Connector) -> set[str]:
        """The identity providers of the other integrations."""
        return {
            each.identity_provider
            for each in self._store.all(tables.CONNECTOR)
            if each.id != connector.id
        }

    def get(self, id: int) -> EndUser | None:
        """Return a user's record, or None if it was deleted."""
        return self._store.get(tables.END_USER, id)

    def of_token(self, user_id: str) -> EndUser | None:
        """Return the record of the user of a verified add-in token, or None.

        `user_id` is that of the token. The object of an access token is the one that
        has signed in if the same server says so.
        """
        found = self._find(tables.END_USER_BY_EXCHANGE_USER, user_id)
        if found is not None:
            return found
        oid, origin = object_and_origin(user_id)
        found = self._find(tables.END_USER_BY_OID, oid)
        if found is None or origin_of(found.identity_provider) != origin:
            return None
        return found

    async def signed_out(self, user_id: str) -> None:
        """Forget which record the user of an add-in token has: the next activation of
        the add-in asks for a sign-in. Durable when this returns."""
        with self._store.transaction(essential=True) as transaction:
            while user := self.of_token(user_id):
                transaction.put(tables.END_USER, without_identity(user, user_id))
            durable = transaction.commit()
        await durable

    def _find(self, index: tables.EndUserIndex, key: str) -> EndUser | None:
        return self._store.find(index, key) if key else None
