"""The records of the status lists of service accounts, `exchange_service_account` and
`mjx_service_account`, and the view from which their pages are made."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pexschedd.clock import Now
from pexschedd.identity.oauth.service_accounts import (
    DEPLOYMENTS,
    INTEGRATIONS,
    A,
    AccountKind,
    is_signed_in_by_person,
)
from pexschedd.identity.oauth.settings import settings_of
from pexschedd.identity.oauth.signed_in import signed_in
from pexschedd.identity.oauth.token_caches import TokenCaches
from pexschedd.management.computed.installed import (
    DeploymentAccountStatus,
    ServiceAccountStatus,
)
from pexschedd.model.integration.connector import Connector
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.store.store import Store
from pexschedd.web.admin.service_account_pages import ServiceAccountView


def service_account_statuses(
    store: Store, token_caches: TokenCaches[Connector], now: Now
) -> Iterator[ServiceAccountStatus]:
    """Yield the state of each integration's account that a person signs in to."""
    for view in _views(INTEGRATIONS, store, token_caches, now):
        values = _values(INTEGRATIONS, view)
        yield ServiceAccountStatus(exchange_connector_id=view.id, **values)


def deployment_account_statuses(
    store: Store, token_caches: TokenCaches[ExchangeDeployment], now: Now
) -> Iterator[DeploymentAccountStatus]:
    """Yield the state of each deployment's account that a person signs in to."""
    for view in _views(DEPLOYMENTS, store, token_caches, now):
        yield DeploymentAccountStatus(
            mjx_exchange_deployment_id=view.id,
            deployment_name=view.name,
            **_values(DEPLOYMENTS, view),
        )


def service_account_view(
    record: A, token_caches: TokenCaches[A], now: datetime
) -> ServiceAccountView:
    """Return what there is to show of a record's service account."""
    found = signed_in(record)
    cache = token_caches.of(record)
    left = cache.expires_in()
    return ServiceAccountView(
        id=record.id,
        name=record.name,
        username=settings_of(record).username,
        signed_in_as=(found.account or found.username) if found else "",
        since=found.since if found else None,
        refreshed=found.refreshed if found else None,
        expires=None if left is None else now + timedelta(seconds=left),
        needed_because=cache.needed_because(),
    )


def _views(
    kind: AccountKind[A], store: Store, token_caches: TokenCaches[A], now: Now
) -> Iterator[ServiceAccountView]:
    for record in store.all(kind.table):
        if is_signed_in_by_person(record):
            yield service_account_view(record, token_caches, now())


def _values(kind: AccountKind[A], view: ServiceAccountView) -> dict[str, Any]:
    return {
        "id": view.id,
        "username": view.username,
        "signed_in": not view.needed_because,
        "account": view.signed_in_as,
        "since": view.since,
        "refreshed": view.refreshed,
        "expires": view.expires,
        "needed_because": view.needed_because,
        "sign_in_page": kind.page_of(view.id),
    }
