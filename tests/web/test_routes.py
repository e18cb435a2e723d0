"""The applications of all routes."""

import pytest

from pexschedd.web.routes import new_app, route


def test_rules_are_matched_and_never_built() -> None:
    """A path finds its route and the segments; nothing is compiled that makes a path
    of a route, which would take most of the time of adding it."""
    app = new_app()
    route(app, "/rooms/<int:room>/")(lambda: b"")
    (rule,) = app.url_map.iter_rules()
    urls = app.url_map.bind("localhost")
    assert urls.match("/rooms/7/") == (rule.endpoint, {"room": 7})
    with pytest.raises(NotImplementedError, match="/rooms/<int:room>/"):
        urls.build(rule.endpoint, {"room": 7})
