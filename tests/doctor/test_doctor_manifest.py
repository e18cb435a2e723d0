"""Judgements of the installed manifest, of frames and of texts: pure."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from pexschedd.doctor.case import AddinState, ExaminedIntegration
from pexschedd.doctor.diagnose.manifest import frames, manifest, texts
from pexschedd.doctor.report import CheckStatus
from pexschedd.model.integration.connector import with_manifest_change
from pexschedd.model.integration.manifest_history import ManifestsInUse, difference
from tests.doctor.test_doctor_powershell import PLAIN

PASSED, WARNING = CheckStatus.PASSED, CheckStatus.WARNING
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def case(**state: Any) -> ExaminedIntegration:
    return ExaminedIntegration(connector=PLAIN, addin=AddinState(**state))


@pytest.mark.parametrize(
    ("newest", "oldest", "status", "words"),
    [
        (3, 3, PASSED, "is the current one, revision 3."),
        (3, 1, PASSED, "still have an older one (revision 1)"),
        (2, 2, WARNING, "Changed since: icon."),
        (1, 1, WARNING, "Changed since: addin_button_label, icon."),
    ],
)
def test_the_installed_manifest(
    newest: int, oldest: int, status: CheckStatus, words: str
) -> None:
    """An old one is told with what has changed since it was made."""
    examined = case(manifests=ManifestsInUse(newest, oldest, NOW))
    changed = examined.connector
    for name in ("addin_button_label", "icon"):
        both = {name: difference("a", "b")}
        changed = with_manifest_change(changed, both, both)
    found = manifest(replace(examined, connector=changed), None)
    assert (found.status, words in found.message) == (status, True), found.message
    assert bool(found.remedy) == (status is WARNING)


def test_a_manifest_that_only_looks_old() -> None:
    """One that has what the current one has needs no new installation."""
    examined = case(manifests=ManifestsInUse(1, 1, NOW))
    changed = examined.connector
    for was, is_now in (("a", "b"), ("b", "a")):
        both = {"addin_button_label": difference(was, is_now)}
        changed = with_manifest_change(changed, both, both)
    found = manifest(replace(examined, connector=changed), None)
    assert (found.status, "differs in nothing" in found.message) == (PASSED, True)


def test_a_manifest_that_nobody_knows() -> None:
    """No request, or no daemon that gets any: then there is no judgement; and changes
    that are not remembered are not made up."""
    assert manifest(case(), None).status is CheckStatus.NOT_CHECKED
    stopped = replace(case(manifests=ManifestsInUse(1, 1, NOW)), serving=False)
    assert manifest(stopped, None).status is CheckStatus.NOT_CHECKED
    old = replace(PLAIN, manifest_revision=9)
    examined = replace(case(manifests=ManifestsInUse(8, 8, NOW)), connector=old)
    assert "not remembered" in manifest(examined, None).message


def test_frames() -> None:
    """Where the pane may be shown is named, and where it refused to be."""
    found = frames(case(frames=("https://owa.example.test",)), None)
    assert found.status is PASSED
    assert "https://owa.example.test" in found.message
    assert "none of yours" in frames(case(), None).message
    found = frames(case(refused_frames=("https://other.example.test",)), None)
    assert found.status is WARNING
    assert "https://other.example.test" in found.message
    assert "frame ancestors" in found.remedy


def test_texts() -> None:
    """Texts that lose something are listed."""
    assert texts(case(), None).status is PASSED
    found = texts(case(notes=("addin_pane_title: <h1>",)), None)
    assert (found.status, found.details) == (WARNING, ("addin_pane_title: <h1>",))
