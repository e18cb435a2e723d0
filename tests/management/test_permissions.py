"""Permissions of each role at each address of the management API, all of them."""

from collections.abc import Iterator

import pytest

from pexschedd.management.access.permissions import (
    PERMISSIONS,
    may,
    needs_password,
    subject_of,
)
from pexschedd.management.access.role_views import resource_for, resources_for
from pexschedd.management.resources import BY_KIND
from pexschedd.model.accounts.administrator import ROLES, RoleLevel, role_name
from pexschedd.model.accounts.principal import Principal
from pexschedd.web.admin.openapi.discovery import all_routes
from pexschedd.web.admin.overview import COMMANDS

READ, HELP, FULL = RoleLevel.READ_ONLY, RoleLevel.HELP_DESK, RoleLevel.FULL

ACCOUNTS = {"configuration/administrator", "configuration/oauth2_client"}
OWN = {"configuration/api_token", "command/administrator/change_password"}
"""Each administrator's own."""
CHANGES_NOTHING = {"command/mjx_meeting_processing_rule/test"}
ONLY_FULL_READS = {
    *ACCOUNTS,
    "platform/msexchangeconnector/sign_in",
    "platform/mjxexchangedeployment/sign_in",
    "platform/mjxintegration/sign_in",
    "platform/mjxintegration/oauth_redirect",
    "command/mjx_integration/webex_sign_in",
    *(
        f"command/ms_exchange_connector/{command}"
        for command in COMMANDS["ms_exchange_connector"]
    ),
    "command/mjx_endpoint/check",
    "command/mjx_exchange_deployment/check",
    "command/mjx_exchange_deployment/sign_in",
    "command/mjx_graph_deployment/check",
    "status/exchange_scheduler_recovery",
    "status/exchange_scheduler_maintenance",
    "status/exchange_scheduler_migration",
    *(f"command/configuration/{command}" for command in COMMANDS["configuration"]),
    *(f"command/state/{command}" for command in COMMANDS["state"]),
}
ONLY_HELP_READS = {"command/csv/personal_rooms"}
"""There are PINs in it."""
HELP_DESK_CHANGES = {
    "configuration/conference",
    "configuration/conference_alias",
    "configuration/end_user",
    *(f"command/csv/{command}" for command in COMMANDS["csv"]),
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def rules() -> list[str]:
    """All rules of the management API that take credentials."""
    return sorted({route.url for route in all_routes() if not route.is_public})


def subjects(rule: str) -> Iterator[str]:
    """All subjects that a rule stands for."""
    for kind in (*BY_KIND, "command"):
        for name in BY_KIND.get(kind, {"": None}):
            for group in COMMANDS:
                segments = {"kind": kind, "name": name, "group": group}
                yield subject_of(rule, segments)


ALL = sorted({subject for rule in rules() for subject in subjects(rule)} - {"command/"})


def test_every_address_has_an_entry() -> None:
    """An address that is added without saying who may use it does not pass."""
    assert len(ALL) > 30
    assert not [subject for subject in ALL if subject not in PERMISSIONS]


@pytest.mark.parametrize("subject", ALL)
def test_who_may(subject: str) -> None:
    """Each role and method on each subject: what is read, changed, and by whom."""
    reads = FULL if subject in ONLY_FULL_READS else READ
    reads = HELP if subject in ONLY_HELP_READS else reads
    changes = HELP if subject in HELP_DESK_CHANGES else FULL
    changes = READ if subject in OWN | CHANGES_NOTHING else changes
    protected = subject in ACCOUNTS | OWN
    for method in METHODS:
        is_read = method in ("GET", "HEAD")
        lowest = reads if is_read else changes
        allowed = [role for role in (READ, HELP, FULL) if may(role, method, subject)]
        assert allowed == [role for role in (READ, HELP, FULL) if role >= lowest], (
            method
        )
        assert needs_password(method, subject) == (protected and not is_read), method


def test_unknown_addresses_are_for_the_full_role() -> None:
    """Addresses without an entry are closed to the lesser roles, with any method."""
    for method in (*METHODS, "OPTIONS", "get", "PROPFIND"):
        assert not may(HELP, method, "configuration/no_such_resource")
        assert may(FULL, method, "configuration/no_such_resource")


@pytest.mark.parametrize(
    ("rule", "segments", "subject"),
    [
        ("/api/admin/", {}, ""),
        ("/api/admin/schema/", {}, ""),
        ("/api/admin/<string:kind>/v1/", {"kind": "status"}, "status"),
        (
            "/api/admin/<string:kind>/v1/<string:name>/<int:id>/",
            {"kind": "configuration", "name": "conference", "id": 3},
            "configuration/conference",
        ),
        (
            "/api/admin/<string:kind>/v1/<string:name>/schema/",
            {"kind": "configuration", "name": "conference"},
            "configuration/conference",
        ),
        (
            "/api/admin/command/v1/ms_exchange_connector/<int:connector_id>/check/",
            {"connector_id": 1},
            "command/ms_exchange_connector/check",
        ),
        (
            "/admin/platform/msexchangeconnector/<int:connector_id>/sign_in/",
            {"connector_id": 1},
            "platform/msexchangeconnector/sign_in",
        ),
    ],
)
def test_subjects(rule: str, segments: dict[str, object], subject: str) -> None:
    """A rule and its segments name what they are about, whatever the ids."""
    assert subject_of(rule, segments) == subject


def test_roles_are_numbered_by_what_they_may() -> None:
    """The stored roles are those of the levels, each with its own name."""
    assert [role.id for role in ROLES] == list(RoleLevel)
    assert len({role_name(level) for level in RoleLevel}) == len(ROLES)


@pytest.mark.parametrize("level", [READ, HELP])
def test_views_hold_no_more_than_the_table_allows(level: RoleLevel) -> None:
    """A resource is there if it may be read, and writable if it may be changed, also
    where a relation leads to it."""
    principal = Principal(name="x", level=level, administrator=7)
    for kind in BY_KIND:
        for name, whole in BY_KIND[kind].items():
            found = resource_for(principal, kind, name)
            subject = f"{kind}/{name}"
            assert (found is not None) == may(level, "GET", subject)
            if found is None:
                continue
            assert found.writable == (whole.writable and may(level, "PUT", subject))
            assert found.others is resources_for(principal, "configuration")
            for child in found.children.values():
                assert child.resource in found.others
            hidden = {n for n, d in whole.fields.items() if d.field.confidential}
            shown = {*found.columns, *found.fields, *found.finders}
            assert bool(hidden & shown) == (bool(hidden) and level is HELP)
