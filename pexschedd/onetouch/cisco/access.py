"""The way to an endpoint: its address, account and TLS, as its records say. Pure."""

from collections.abc import Callable

import msgspec

from pexschedd.errors import StoreError
from pexschedd.model.onetouch.endpoint import CISCO, GLOBAL, YES, Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind

Unseal = Callable[[str, str], str]
"""Takes a sealed secret and its context; raises `StoreError`."""


class EndpointAccess(msgspec.Struct, frozen=True):
    """All that is needed for reaching an endpoint and signing in there."""

    scheme: str
    """https or http."""
    host: str
    port: int
    verified: bool
    """False if its certificate is not checked."""
    direct: bool
    """True to leave the web proxy out."""
    username: str
    password: str

    @property
    def address(self) -> str:
        """The beginning of its URLs, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return f"{self.scheme}://{host}" + (
            f":{self.port}" if self.port != usual else ""
        )

    def __repr__(self) -> str:
        return f"EndpointAccess({self.address!r})"


def access_of(
    endpoint: Endpoint, group: EndpointGroup, profile: JoinProfile, unseal: Unseal
) -> EndpointAccess:
    """Return the way to a Cisco endpoint.

    Raises `EndpointProblem` if its records do not tell it.
    """
    if endpoint.endpoint_type != CISCO or not endpoint.api_address:
        raise EndpointProblem(
            ProblemKind.SETTINGS, "its record has no api_address; enter it."
        )
    is_https = _chosen(endpoint.use_https, profile.ep_use_https)
    try:
        username, password = _account(endpoint, profile, unseal)
    except StoreError as error:
        raise EndpointProblem(ProblemKind.SETTINGS, error.message) from None
    if not username:
        raise EndpointProblem(
            ProblemKind.SETTINGS,
            "it has no account; enter its api_username and api_password, or the "
            "profile's ep_username and ep_password.",
        )
    if ":" in username:
        raise EndpointProblem(
            ProblemKind.SETTINGS, "a username with a colon cannot sign in."
        )
    return EndpointAccess(
        scheme="https" if is_https else "http",
        host=endpoint.api_address.strip("[]"),
        port=endpoint.api_port or (443 if is_https else 80),
        verified=_chosen(endpoint.verify_cert, profile.ep_verify_certificate),
        direct=group.disable_proxy,
        username=username,
        password=password,
    )


def _chosen(own: str, of_profile: bool) -> bool:
    return of_profile if own == GLOBAL else own == YES


def _account(
    endpoint: Endpoint, profile: JoinProfile, unseal: Unseal
) -> tuple[str, str]:
    if endpoint.api_username:
        sealed = endpoint.api_password
        context = f"mjx_endpoint/{endpoint.id}/api_password"
        username = endpoint.api_username
    else:
        sealed = profile.ep_password
        context = f"mjx_integration/{profile.id}/ep_password"
        username = profile.ep_username
    return username, unseal(sealed, context) if sealed else ""
