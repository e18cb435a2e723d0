"""The record of a sign-in to a service account. Pure."""

from datetime import datetime

import msgspec

from pexschedd.identity.oauth.service_accounts import ServiceAccount
from pexschedd.identity.oauth.settings import settings_of


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in and the settings it was made with; kept in `oauth_signed_in_for`."""

    username: str
    client_id: str
    token_endpoint: str
    account: str
    """The account's name at the identity provider; empty if it did not give one."""
    since: datetime
    refreshed: datetime
    """The time when its refresh token was used last."""

    def as_text(self) -> str:
        """Return the JSON text that `signed_in` reads."""
        return msgspec.json.encode(self).decode()


def signed_in(record: ServiceAccount) -> SignedIn | None:
    """Return the sign-in that a record has, whether it is still valid or not."""
    if not record.oauth_refresh_token:
        return None
    try:
        return msgspec.json.decode(record.oauth_signed_in_for, type=SignedIn)
    except msgspec.DecodeError:
        return None


def new_sign_in(record: ServiceAccount, account: str, now: datetime) -> SignedIn:
    """Return a sign-in that was made just now, with the record's settings."""
    settings = settings_of(record)
    return SignedIn(
        username=settings.username,
        client_id=settings.client_id,
        token_endpoint=settings.token_endpoint,
        account=account,
        since=now,
        refreshed=now,
    )


def needed_because(record: ServiceAccount) -> str:
    """Return the reason why a person has to sign in; empty if nobody has to.

    Reasons are that nobody has, or that settings have changed since.
    """
    if record.oauth_signed_in_for and not record.oauth_refresh_token:
        return "The EWS URL or the OAuth token endpoint changed after the sign-in."
    found = signed_in(record)
    if found is None:
        return "Nobody has signed in to the service account yet."
    was = found.username.casefold(), found.client_id, found.token_endpoint
    names = "service account username", "OAuth client ID", "OAuth token endpoint"
    changed = [
        name
        for name, old, new in zip(
            names, was, settings_of(record).signed_in_for, strict=True
        )
        if old != new
    ]
    if changed:
        what = " and the ".join(changed)
        return f"The {what} changed after the sign-in."
    return ""
