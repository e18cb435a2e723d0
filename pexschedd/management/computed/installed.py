"""Status of an integration's add-in and of its service account. Pure."""

from datetime import datetime

from pexschedd.model.fields.declaration import Record


class AddinStatus(Record, frozen=True, kw_only=True):
    """The add-in of an integration as it is installed and shown."""

    exchange_connector_id: int
    manifest_revision: int
    """The revision of the manifest as it is now."""
    newest_revision_in_use: int | None
    """The newest one with which somebody has opened the add-in, if anybody has."""
    oldest_revision_in_use: int | None
    newest_revision_time: datetime | None
    """The time at which the newest one in use was last seen."""
    manifest_is_current: bool | None
    """True if the newest one in use has what the one there is now has."""
    changed_fields: list[str]
    """The fields that differ in the one there is now."""
    changed_fields_complete: bool
    """True if those are all of them."""
    frame_ancestors: list[str]
    """The sites whose pages may show the add-in."""
    refused_frames: list[str]
    """Sites whose pages have tried to."""
    warnings: list[str]


class AccountStatus(Record, frozen=True, kw_only=True):
    """The sign-in to a service account."""

    username: str
    signed_in: bool
    account: str
    """The account that has signed in; empty if none has."""
    since: datetime | None
    """The time of the sign-in."""
    refreshed: datetime | None
    """The last time that the identity provider gave a new token."""
    expires: datetime | None
    """The end of the present access token."""
    needed_because: str
    """The reason for which a sign-in is needed; empty if it is not."""
    sign_in_page: str
    """The address of the page for signing in."""


class ServiceAccountStatus(AccountStatus, frozen=True, kw_only=True):
    """The sign-in to the service account of an integration."""

    exchange_connector_id: int


class DeploymentAccountStatus(AccountStatus, frozen=True, kw_only=True):
    """The sign-in to the service account of a deployment of One-Touch Join."""

    mjx_exchange_deployment_id: int
    deployment_name: str
