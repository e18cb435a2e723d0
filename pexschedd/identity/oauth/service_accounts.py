"""The kinds of records whose service account a person can sign in to. Pure.

An integration and a deployment of One-Touch Join have the same fields for it, but for
what they call the account and Exchange's address.
"""

from typing import Any, Generic, TypeVar

import msgspec

from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.exchange import OAUTH_REDIRECT_PATH
from pexschedd.model.onetouch.exchange_deployment import (
    DEPLOYMENT_REDIRECT_PATH,
    ExchangeDeployment,
)
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.table import Table

ServiceAccount = Connector | ExchangeDeployment
"""A record that has a service account."""
GraphRecord = Connector | GraphDeployment
"""A record whose application can sign in to Microsoft Graph."""
A = TypeVar("A", Connector, ExchangeDeployment)


class AccountKind(msgspec.Struct, Generic[A], frozen=True, kw_only=True):
    """One kind of record, as far as signing in goes."""

    table: Table[A]
    noun: str
    """The word for such a record, which is also its key in log events."""
    redirect_path: str
    """The path to which the browser comes back."""
    url: str
    """The field of the EWS URL."""
    username: str
    """The field of the account's name."""
    pending: str
    """The field that keeps the sign-in that was begun, sealed."""
    without: str
    """The end of a sentence on a missing sign-in: the harm it does."""

    @property
    def needed(self) -> tuple[str, ...]:
        """The fields without which no sign-in can begin."""
        return self.url, self.username, *_NEEDED

    @property
    def pages(self) -> str:
        """The path below which the pages of this kind are."""
        return self.redirect_path.removesuffix("oauth_redirect/")

    def page_of(self, id: int) -> str:
        """Return the path of the page on which a record's account is signed in."""
        return f"{self.pages}{id}/sign_in/"

    def log_keys(self, id: int) -> dict[str, Any]:
        """Return the keys of log events: `of` as a text, and the id by its name."""
        return {"of": f"{self.noun}={id}", self.noun: id}


def is_signed_in_by_person(record: ServiceAccount) -> bool:
    """Return whether the record's account is one that a person signs in to, and that
    is in use: an integration with Microsoft Graph keeps one only to go back to EWS."""
    if isinstance(record, Connector):
        return record.sign_in_method == "OAUTH"
    return record.authentication_method == "OAUTH"


_NEEDED = (
    "oauth_client_id",
    "oauth_redirect_uri",
    "oauth_auth_endpoint",
    "oauth_token_endpoint",
)
INTEGRATIONS = AccountKind(
    table=tables.CONNECTOR,
    noun="integration",
    redirect_path=OAUTH_REDIRECT_PATH,
    url="url",
    username="username",
    pending="oauth_state",
    without="no meeting of this integration is scheduled",
)
DEPLOYMENTS = AccountKind(
    table=tables.MJX_EXCHANGE_DEPLOYMENT,
    noun="deployment",
    redirect_path=DEPLOYMENT_REDIRECT_PATH,
    url="ews_url",
    username="service_account_username",
    pending="oauth_begun",
    without="no room of this deployment is read",
)
