"""What the pane's requests tell about manifests and frames."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.logger import capturedLogs
from twisted.web.test.requesthelper import DummyRequest

from pexschedd.model.integration.connector import (
    Connector,
    manifest_changes,
    manifest_differences,
    with_manifest_change,
)
from pexschedd.model.integration.manifest_history import (
    MOST_CHANGES,
    ChangedSince,
    ManifestsInUse,
    changed_since,
    difference,
)
from pexschedd.web.addin.manifest.deployed import (
    MOST_ORIGINS,
    MOST_REVISIONS,
    PaneVisits,
)
from tests.web_addin.addin_support import CONNECTOR

BEGIN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Watched:
    """Visits of one integration, at a time that tests move."""

    def __init__(self, *domains: str, **changes: Any) -> None:
        self.time = BEGIN
        self.visits = PaneVisits(lambda: self.time, lambda id: domains)
        self.connector: Connector = replace(CONNECTOR, **changes)

    def open(self, *revisions: bytes, referer: str = "", dest: str = "iframe") -> None:
        request: Any = DummyRequest([b"addin"])
        request.args = {b"m": list(revisions)} if revisions else {}
        if referer:
            request.requestHeaders.setRawHeaders(b"referer", [referer.encode()])
            request.requestHeaders.setRawHeaders(b"sec-fetch-dest", [dest.encode()])
        self.visits.note(self.connector, request)

    @property
    def manifests(self) -> ManifestsInUse | None:
        return self.visits.manifests(self.connector)

    def frames(self) -> tuple[str, ...]:
        return self.visits.refused_frames(self.connector)


def changed(connector: Connector, *values: tuple[str, object, object]) -> Connector:
    """The integration after a change of its manifest: fields with what they were and
    what they are now."""
    differences = {name: difference(was, is_now) for name, was, is_now in values}
    return with_manifest_change(connector, differences, differences)


def test_the_newest_and_the_oldest_manifest() -> None:
    """Both are known from the panes of the last days."""
    watched = Watched(manifest_revision=5)
    assert watched.manifests is None
    watched.open(b"2")
    watched.time += timedelta(days=3)
    watched.open(b"4")
    watched.open(b"3")
    assert watched.manifests == ManifestsInUse(4, 2, watched.time)
    watched.time += timedelta(days=5)
    assert watched.manifests == ManifestsInUse(4, 3, watched.time - timedelta(days=5))
    watched.time += timedelta(days=5)
    assert watched.manifests is None


def test_requests_that_tell_nothing() -> None:
    """A pane without a revision, or with one that there has never been, does not
    count."""
    watched = Watched(manifest_revision=5)
    watched.open()
    for text in (b"6", b"0", b"-1", b"x", b"", b"1e3", b"9" * 4000, "٣".encode()):
        watched.open(text)
    watched.open(b"1", b"2")
    assert watched.manifests is None


def test_memory_is_bounded() -> None:
    """However many revisions and origins are named, few are remembered."""
    watched = Watched(manifest_revision=10_000)
    for number in range(1, 500):
        watched.open(b"%d" % number, referer=f"https://host{number}.test/owa/")
    assert watched.manifests == ManifestsInUse(499, 500 - MOST_REVISIONS, BEGIN)
    assert len(watched.frames()) == MOST_ORIGINS


def test_an_old_manifest_is_logged_once() -> None:
    """The line names the revisions and the fields that have changed since, also of a
    manifest that was opened while it was the current one."""
    watched = Watched()
    watched.open(b"1")
    first = changed(watched.connector, ("addin_button_label", "a", "b"))
    watched.connector = changed(first, ("icon", "", "x"))
    with capturedLogs() as events:
        for _ in range(3):
            watched.open(b"1")
            watched.open(b"3")
    (event,) = (e for e in events if "old manifest" in e["log_format"])
    assert (event["integration"], event["revision"], event["current"]) == (1, 1, 3)
    assert event["changed"] == "addin_button_label,icon"
    assert "correlation_id" in event


def test_frames_that_are_refused() -> None:
    """A page that may not show the pane is named, until it may."""
    watched = Watched("mail2.example.test")
    for allowed in (
        "https://outlook.office.com/",
        "https://mail.example.test/owa/",
        "https://mail2.example.test/owa/",
        "https://vc.example.test/",
        "no address",
        "javascript:alert(1)",
    ):
        watched.open(referer=allowed)
    watched.open(referer="https://owa.example.test/", dest="document")
    assert watched.frames() == ()
    with capturedLogs() as events:
        watched.open(referer="https://owa.example.test/owa/?x")
        watched.open(referer="https://owa.example.test/owa/")
    assert watched.frames() == ("https://owa.example.test",)
    (event,) = (e for e in events if "framed" in e["log_format"])
    assert event["origin"] == "https://owa.example.test"
    watched.connector = replace(
        watched.connector, addin_frame_ancestors="https://*.example.test"
    )
    assert watched.frames() == ()


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=80), st.integers(1, 90))
def test_changes_since_a_revision(fields: list[str], revision: int) -> None:
    """All fields that changed later are named; what is forgotten is said."""
    connector = CONNECTOR
    for number, field in enumerate(fields):
        connector = changed(connector, (field, number, number + 1))
    current = connector.manifest_revision
    assert current == len(fields) + 1
    assert len(connector.manifest_history) <= MOST_CHANGES
    found = changed_since(connector.manifest_history, revision, current)
    if found.complete:
        assert set(found.fields) == set(fields[revision - 1 :])
    assert found.complete == (current - revision <= MOST_CHANGES)


def test_a_record_from_before_the_history() -> None:
    """Its earlier changes are not known, and nothing is made up."""
    old = replace(CONNECTOR, manifest_revision=7)
    found = changed_since(old.manifest_history, 6, 7)
    assert found == ChangedSince((), complete=False)
    newer = with_manifest_change(old, ["icon"], {})
    assert changed_since(newer.manifest_history, 7, 8) == ChangedSince(("icon",))
    back = changed(newer, ("icon", "x", ""))
    assert changed_since(back.manifest_history, 7, 9) == ChangedSince(("icon",))
    assert changed_since(back.manifest_history, 6, 9).complete is False


def test_what_was_changed_back() -> None:
    """Only what differs now counts: a manifest with a label that was changed and
    changed back is the current one, and is not logged as old."""
    watched = Watched()
    for was, is_now in (("a", "b"), ("b", "a")):
        watched.connector = changed(
            watched.connector, ("addin_button_label", was, is_now)
        )
    history = watched.connector.manifest_history
    assert changed_since(history, 1, 3).nothing
    assert changed_since(history, 2, 3) == ChangedSince(("addin_button_label",))
    with capturedLogs() as events:
        watched.open(b"1")
        watched.open(b"2")
    (event,) = (e for e in events if "old manifest" in e["log_format"])
    assert event["revision"] == 2


def test_what_another_field_brings() -> None:
    """A label of the one-click command that was changed while there was no command
    differs once there is one again; the labels that come with it go without saying."""
    first = replace(CONNECTOR, enable_addin_command=True)
    steps: list[dict[str, Any]] = [
        {"enable_addin_command": False},
        {"addin_command_label": "Other"},
        {"enable_addin_command": True},
    ]
    connector = first
    for step in steps:
        new = replace(connector, **step)
        fields = manifest_changes(connector, new)
        if fields:
            differences = manifest_differences(connector, new)
            new = with_manifest_change(new, fields, differences)
        connector = new
    history = connector.manifest_history
    assert changed_since(history, 1, 2) == ChangedSince(("enable_addin_command",))
    assert changed_since(history, 1, 3) == ChangedSince(("addin_command_label",))
