"""The way to a device and to its sign-in, as the records say. Pure."""

from collections.abc import Callable

import msgspec

from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind

BaseOf = Callable[[str], str]
"""Gives the beginning of the API's URLs, by the host of the API."""


def https_base(domain: str) -> str:
    """Return the beginning of the URLs of an API: HTTPS and nothing else."""
    return f"https://{domain}"


class WebexClient(msgspec.Struct, frozen=True):
    """A profile's registration at Webex, on which its tokens depend. The secret is as
    it is stored."""

    base: str
    client_id: str
    sealed_secret: str
    redirect_uri: str

    def __repr__(self) -> str:
        return f"WebexClient({self.base!r})"


class DeviceAccess(msgspec.Struct, frozen=True):
    """All that is needed for reaching a device."""

    profile_id: int
    base: str
    """The beginning of the API's URLs."""
    device_id: str

    @property
    def address(self) -> str:
        """The device as it is remembered: another API or id is another device."""
        return f"{self.base}/{self.device_id}"


def client_of(profile: JoinProfile, base_of: BaseOf) -> WebexClient:
    """Return a profile's registration at Webex."""
    return WebexClient(
        base=base_of(profile.webex_api_domain),
        client_id=profile.webex_client_id or "",
        sealed_secret=profile.webex_client_secret,
        redirect_uri=profile.webex_redirect_uri or "",
    )


def access_of(
    endpoint: Endpoint, profile: JoinProfile, base_of: BaseOf
) -> DeviceAccess:
    """Return the way to a device.

    Raises `EndpointProblem` if its records do not tell it.
    """
    device = endpoint.webex_device_id
    if not profile.use_webex:
        raise EndpointProblem(
            ProblemKind.SETTINGS,
            f'its profile "{profile.name}" does not use Webex; set use_webex.',
        )
    if not device:
        raise EndpointProblem(
            ProblemKind.SETTINGS, "its record has no webex_device_id; enter it."
        )
    return DeviceAccess(profile.id, base_of(profile.webex_api_domain), device)


def secret_context(profile_id: int, field: str) -> str:
    """Return the context that a secret of a profile is sealed for."""
    return f"mjx_integration/{profile_id}/{field}"


def sign_in_page(profile_id: int) -> str:
    """Return the path of the page at which an administrator signs a profile in."""
    return f"/admin/platform/mjxintegration/{profile_id}/sign_in/"
