"""Joins users' sign-in with their records, its alarm, and the network."""

from collections.abc import Callable

from pexschedd.composition.runtime import Runtime, random_text
from pexschedd.identity.openid.provider_documents import ProviderDocuments
from pexschedd.identity.personal.attempts import Attempts, SignedInUser
from pexschedd.identity.personal.sessions import Sessions
from pexschedd.identity.personal.sign_in import UserSignIns
from pexschedd.identity.personal.token_client import UserTokenClient
from pexschedd.identity.personal.user_token import UserProfile
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.net.network import Network
from pexschedd.personal.profile import Profile, name_of
from pexschedd.personal.users import PersonalUsers
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms


class SignedInRecords:
    """The records of users, in the terms of the sign-in."""

    def __init__(self, users: PersonalUsers) -> None:
        self._users = users

    async def signed_in(
        self,
        connector: Connector,
        profile: UserProfile,
        exchange_user: str,
        correlation_id: str,
    ) -> SignedInUser:
        """Return who has signed in, durably known; raises `UnknownUser`."""
        record = await self._users.signed_in(
            connector,
            Profile(
                email=profile.email,
                first_name=profile.first_name,
                last_name=profile.last_name,
                display_name=profile.display_name,
                oid=profile.oid,
            ),
            exchange_user or None,
            correlation_id=correlation_id,
        )
        return SignedInUser(record.id, name_of(record), record.primary_email_address)

    async def signed_out(self, user: int | None, exchange_user: str) -> None:
        """Forget the Exchange user of a record, found by either of the two."""
        record = self._users.get(user) if user is not None else None
        known = record.exchange_user_id if record is not None else ""
        for identity in {known, exchange_user} - {""}:
            await self._users.signed_out(identity)


def user_sign_ins(
    runtime: Runtime,
    network: Network,
    documents: ProviderDocuments,
    connectors: Callable[[int], Connector | None],
    sessions: Sessions,
    users: PersonalUsers,
) -> UserSignIns:
    """Build the sign-in of the users of all integrations."""

    alarm = ClientSecretAlarm(runtime.alarms)
    runtime.store.subscribe(tables.CONNECTOR, alarm.changed)
    clients = {
        direct: (network.direct() if direct else network).http_client()
        for direct in (False, True)
    }
    return UserSignIns(
        connectors,
        Attempts(runtime.reactor.seconds, random_text),
        sessions,
        documents,
        UserTokenClient(clients.__getitem__, runtime.store.vault, runtime.reactor),
        SignedInRecords(users),
        now=runtime.now,
        secret_answered=alarm.answered,
    )


class ClientSecretAlarm:
    """The alarm of a client secret that an identity provider refuses."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms

    def answered(self, connector: Connector, problem: str) -> None:
        """Raise the alarm with the problem of a secret; lower it if there is none."""
        if problem:
            self._alarms.raise_(
                names.USER_SIGN_IN_REFUSED,
                connector.name,
                f"Nobody can sign in for personal rooms. {problem}",
            )
        else:
            self._alarms.lower(connector.name, names.USER_SIGN_IN_REFUSED)

    def changed(self, old: Connector | None, new: Connector | None) -> None:
        """Lower the alarm when the settings that it is about are gone."""
        if old is not None and (new is None or _secret_of(old) != _secret_of(new)):
            self._alarms.lower(old.name, names.USER_SIGN_IN_REFUSED)


def _secret_of(connector: Connector) -> tuple[object, ...]:
    return (
        connector.name,
        connector.enable_personal_vmrs,
        connector.personal_vmr_oauth_client_id,
        connector.personal_vmr_oauth_client_secret,
        connector.personal_vmr_oauth_token_endpoint,
    )
