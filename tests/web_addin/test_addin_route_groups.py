"""Groups of routes are found by name, with an integration's id and without one."""

import pytest
from twisted.web.resource import Resource

from pexschedd.web.addin.route_groups import PREFIX, AddinRouteGroups


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"{PREFIX}/1/sign_in", "sign_in"),
        (f"{PREFIX}/1/sign_in/start/code", "sign_in"),
        (f"{PREFIX}/oauth_redirect", "oauth_redirect"),
        (f"{PREFIX}/oauth_redirect/", "oauth_redirect"),
        (f"{PREFIX}/1/addin", ""),
        (f"{PREFIX}/1", ""),
        (PREFIX, ""),
        (f"{PREFIX}/x/sign_in", ""),
    ],
)
def test_a_group_is_found_by_its_name(path: str, found: str) -> None:
    """The part after the id, or after the prefix, chooses the group."""
    resources = {name: Resource() for name in ("", "sign_in", "oauth_redirect")}
    default = resources[""]
    router = AddinRouteGroups(
        default, {name: each for name, each in resources.items() if name}
    )
    segments = path.strip("/").encode().split(b"/")
    assert router.choose(segments) is resources[found]


@pytest.mark.parametrize(
    "path",
    [
        "/api/client/v1/msexchange_schedulers/1/sign_in",
        "/api/client/v2/1/sign_in",
        "/1/sign_in",
        "/1/addin",
        "/",
    ],
)
def test_nothing_is_found_outside_the_prefix(path: str) -> None:
    """What follows the prefix is not found without it."""
    default, group = Resource(), Resource()
    router = AddinRouteGroups(default, {"sign_in": group})
    found = router.choose(path.strip("/").encode().split(b"/"))
    assert found is not default
    assert found is not group
