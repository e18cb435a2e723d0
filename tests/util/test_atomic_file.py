"""Small private files, replaced atomically."""

import os
from pathlib import Path
from typing import Any

import pytest

from pexschedd.util.atomic_file import replace_file


def test_replaced(tmp_path: Path) -> None:
    """The file has the new content, is private, and is alone in its folder."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_is_created(tmp_path: Path) -> None:
    """For the owner alone; but not its parent, which somebody else is to create."""
    replace_file(tmp_path / "icons" / "1.png", b"image")
    assert (tmp_path / "icons").stat().st_mode & 0o777 == 0o700
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "missing" / "icons" / "1.png", b"image")


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_the_old_content_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """When the disk fails, the old file remains whole, and nothing beside it."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os if fails == "fsync" else Path, fails, fail)
    with pytest.raises(OSError, match="no space"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_durable_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content is on the disk before it gets its name, and the name afterwards."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    synced: list[tuple[str, bytes]] = []
    fsync = os.fsync

    def watch(descriptor: int) -> None:
        kind = "folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"
        synced.append((kind, path.read_bytes()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    replace_file(path, b"new")
    assert synced == [("file", b"old"), ("folder", b"new")]
