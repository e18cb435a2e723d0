"""The records of the status list `exchange_service_account`, and the view from which
its pages are made."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pexschedd.clock import Now
from pexschedd.identity.oauth.signed_in import signed_in
from pexschedd.identity.oauth.token_caches import TokenCaches
from pexschedd.management.computed.installed import ServiceAccountStatus
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.exchange import OAUTH_REDIRECT_PATH
from pexschedd.store.store import Store
from pexschedd.web.admin.service_account_pages import ServiceAccountView

PAGES = OAUTH_REDIRECT_PATH.removesuffix("oauth_redirect/")


def service_account_statuses(
    store: Store, token_caches: TokenCaches, now: Now
) -> Iterator[ServiceAccountStatus]:
    """Yield the state of each service account that a person signs in to."""
    for connector in store.all(tables.CONNECTOR):
        if connector.authentication_method == "OAUTH":
            yield _status(service_account_view(connector, token_caches, now()))


def service_account_view(
    connector: Connector, token_caches: TokenCaches, now: datetime
) -> ServiceAccountView:
    """Return what there is to show of an integration's service account."""
    found = signed_in(connector)
    cache = token_caches.of(connector)
    left = cache.expires_in()
    return ServiceAccountView(
        id=connector.id,
        integration=connector.name,
        username=connector.username,
        signed_in_as=(found.account or found.username) if found else "",
        since=found.since if found else None,
        refreshed=found.refreshed if found else None,
        expires=None if left is None else now + timedelta(seconds=left),
        needed_because=cache.needed_because(),
    )


def _status(view: ServiceAccountView) -> ServiceAccountStatus:
    return ServiceAccountStatus(
        id=view.id,
        exchange_connector_id=view.id,
        username=view.username,
        signed_in=not view.needed_because,
        account=view.signed_in_as,
        since=view.since,
        refreshed=view.refreshed,
        expires=view.expires,
        needed_because=view.needed_because,
        sign_in_page=f"{PAGES}{view.id}/sign_in/",
    )
