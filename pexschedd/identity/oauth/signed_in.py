"""Who signed in to an integration's service account, and whether that holds. PURE."""

from datetime import datetime

import msgspec

from pexschedd.identity.oauth.settings import settings_of
from pexschedd.model.integration import Connector


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Kept in `oauth_signed_in_for`."""

    username: str
    client_id: str
    token_endpoint: str
    account: str
    """What the identity provider calls it; empty if it did not say."""
    since: datetime
    refreshed: datetime

    def as_text(self) -> str:
        return msgspec.json.encode(self).decode()


def signed_in(connector: Connector) -> SignedIn | None:
    """The sign-in that is kept, whether it still holds or not."""
    if not connector.oauth_refresh_token:
        return None
    try:
        return msgspec.json.decode(connector.oauth_signed_in_for, type=SignedIn)
    except msgspec.DecodeError:
        return None


def new_sign_in(connector: Connector, account: str, now: datetime) -> SignedIn:
    return SignedIn(
        username=connector.username,
        client_id=connector.oauth_client_id,
        token_endpoint=connector.oauth_token_endpoint,
        account=account,
        since=now,
        refreshed=now,
    )


def needed_because(connector: Connector) -> str:
    """Why a person has to sign in; empty if a sign-in is there that fits."""
    found = signed_in(connector)
    if found is None:
        return "Nobody has signed in to the service account yet."
    was = found.username.casefold(), found.client_id, found.token_endpoint
    names = "service account username", "OAuth client ID", "OAuth token endpoint"
    changed = [
        name
        for name, old, new in zip(
            names, was, settings_of(connector).signed_in_for, strict=True
        )
        if old != new
    ]
    if changed:
        what = " and the ".join(changed)
        return f"The {what} changed after the sign-in."
    return ""
