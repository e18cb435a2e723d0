"""Backups in a row: the newest are kept, and nothing else is touched."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.store.fs import RealFileSystem
from pexschedd.tools.backup_retention import remove_superseded, superseded
from tests.store.store_support import ROOM, Opened, Room
from tests.store.tool_support import tool

MOMENTS = st.integers(0, 99).map(lambda n: f"202611{n:02}T013000Z")


@given(
    st.sets(MOMENTS),
    st.sets(st.sampled_from(["mine", "20261121", "20261121T013000Z.bak", ""])),
    st.integers(1, 9),
)
def test_the_newest_are_kept(copies: set[str], others: set[str], keep: int) -> None:
    """As many as are asked for; no other name is ever returned."""
    removed = superseded(copies | others, keep)
    assert removed == sorted(removed)
    assert set(removed) <= copies
    kept = copies - set(removed)
    assert len(kept) == min(keep, len(copies))
    assert all(old < new for old in removed for new in kept)


def state(folder: Path) -> Path:
    opened = Opened(folder)
    opened.wait(opened.put(ROOM, Room(id=1, name="x")))
    opened.close()
    return folder


def copies_in(folder: Path, *days: int) -> None:
    for day in days:
        state(folder / f"202611{day:02}T013000Z")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_that_keeps_two(tmp_path: Path) -> None:
    """The one that was made and the newest before it; and what an administrator has put
    beside them."""
    folder, backups = state(tmp_path / "state"), tmp_path / "state" / "backups"
    copies_in(backups, 1, 2, 3)
    (backups / "before-the-update").mkdir()
    status, said = tool(folder, "backup", "--keep", "2")
    assert (status, said.count("Removed ")) == (0, 2)
    assert names(backups) == [
        "20261103T013000Z",
        "20261121T060000Z",
        "before-the-update",
    ]


def test_another_folder(tmp_path: Path) -> None:
    """A row of copies may be on another disk."""
    folder, elsewhere = state(tmp_path / "state"), tmp_path / "elsewhere"
    copies_in(elsewhere, 1)
    status, _ = tool(folder, "backup", "--into", str(elsewhere), "--keep", "1")
    assert status == 0
    assert names(elsewhere) == ["20261121T060000Z"]
    assert not (folder / "backups").exists()


def test_without_keep_nothing_is_removed(tmp_path: Path) -> None:
    """As ever."""
    folder = state(tmp_path / "state")
    copies_in(folder / "backups", 1, 2)
    assert tool(folder, "backup")[0] == 0
    assert len(names(folder / "backups")) == 3


def test_a_backup_that_fails_removes_nothing(tmp_path: Path) -> None:
    """There would be fewer and fewer."""
    folder = state(tmp_path / "state")
    copies_in(folder / "backups", 1, 2, 21)
    (folder / "backups" / "20261121T013000Z").rename(
        folder / "backups" / "20261121T060000Z"
    )
    before = names(folder / "backups")
    status, said = tool(folder, "backup", "--keep", "1")
    assert status != 0
    assert "exists already" in said
    assert names(folder / "backups") == before


@pytest.mark.parametrize("count", ["0", "-1", "all", "1.5"])
def test_a_number_of_copies(tmp_path: Path, count: str) -> None:
    """At least one: the one that was just made."""
    with pytest.raises(SystemExit) as ended:
        tool(state(tmp_path / "state"), "backup", "--keep", count)
    assert ended.value.code == 2


@pytest.mark.parametrize("option", [["--keep", "3"], ["--into", "/x"]])
def test_a_copy_with_a_name_of_its_own(tmp_path: Path, option: list[str]) -> None:
    """It stands in no row."""
    status, said = tool(state(tmp_path / "state"), "backup", "mine", *option)
    assert status == 2
    assert "leave FOLDER out" in said


def test_links_and_strangers_stay(tmp_path: Path) -> None:
    """What only has such a name is no copy; a link's target is not ours."""
    target = state(tmp_path / "target")
    folder = tmp_path / "row"
    copies_in(folder, 9)
    (folder / "20261101T013000Z").symlink_to(target)
    (folder / "20261102T013000Z").mkdir()
    assert list(remove_superseded(RealFileSystem(), folder, 1)) == []
    assert target.is_dir()
    assert len(names(folder)) == 3


def test_a_removal_that_was_interrupted(tmp_path: Path) -> None:
    """The next one ends it."""
    folder = tmp_path / "row"
    copies_in(folder, 8, 9)
    state(folder / ".20261101T013000Z.removed")
    assert list(remove_superseded(RealFileSystem(), folder, 1)) == ["20261108T013000Z"]
    assert names(folder) == ["20261109T013000Z"]
