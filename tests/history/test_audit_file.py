"""The files of the audit log: appended to, rotated, and whole after a crash."""

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.history.audit_file import AuditFile


def lines_of(file: AuditFile) -> list[bytes]:
    """All lines that are kept, in order."""
    files = list(file.read_newest_first())
    return [line for lines in reversed(files) for line in lines]


@given(
    st.lists(st.lists(st.text("ab", max_size=30), min_size=1, max_size=3), max_size=30),
    st.integers(10, 120),
    st.integers(1, 4),
)
def test_the_newest_lines_are_kept(
    groups: list[list[str]], most: int, kept: int
) -> None:
    """Files are bounded in size and number; what they have is the end of all that was
    written, in order, and never less than the kept files hold."""
    with TemporaryDirectory() as folder:
        file = AuditFile(Path(folder) / "audit" / "changes.jsonl", most, kept)
        written: list[bytes] = []
        for group in groups:
            lines = [text.encode() for text in group]
            file.append(b"".join(line + b"\n" for line in lines))
            written += lines
        found = lines_of(file)
        assert found == written[len(written) - len(found) :]
        assert len(found) >= min(len(written), len(groups[-1]) if groups else 0)
        names = os.listdir(Path(folder) / "audit") if groups else []
        assert len(names) <= kept + 1
        for name in names:
            data = (Path(folder) / "audit" / name).read_bytes()
            assert len(data) <= max(most, 3 * 31)


def test_rotation_keeps_what_it_should(tmp_path: Path) -> None:
    """Exactly as many older files as asked for, only their owner's."""
    file = AuditFile(tmp_path / "a" / "log", 10, 2)
    for number in range(5):
        file.append(b"line %d\n" % number)
    assert lines_of(file) == [b"line 2", b"line 3", b"line 4"]
    assert sorted(os.listdir(tmp_path / "a")) == ["log", "log.1", "log.2"]
    assert (tmp_path / "a" / "log").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_files_of_others_stay(tmp_path: Path) -> None:
    """A date or a zero at the beginning is no number of ours: such a file is neither
    removed nor moved, and keeps nothing from being written."""
    others = ["log.20261130", "log.01", "log.0"]
    for name in others:
        (tmp_path / name).write_text(name)
    file = AuditFile(tmp_path / "log", 10, 1)
    for line in (b"a" * 9, b"b" * 9, b"c" * 9):
        file.append(line + b"\n")
    assert [(tmp_path / name).read_text() for name in others] == others
    assert (tmp_path / "log.1").read_bytes() == b"b" * 9 + b"\n"
    assert len(list(tmp_path.iterdir())) == len(others) + 2


def test_a_rotation_that_was_interrupted(tmp_path: Path) -> None:
    """A gap in the numbers is filled; no file is written over."""
    file = AuditFile(tmp_path / "log", 1, 9)
    for number in range(4):
        file.append(b"%d\n" % number)
    (tmp_path / "log.1").rename(tmp_path / "log.9")  # as if killed half-way
    (tmp_path / "log.9").rename(tmp_path / "log.4")
    file.append(b"4\n")
    assert sorted(lines_of(file)) == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("torn", [b"", b"half", b'{"number":', b"x" * 200_000])
def test_a_line_that_was_cut_off(tmp_path: Path, torn: bytes) -> None:
    """It is no line, and the next one does not follow it."""
    file = AuditFile(tmp_path / "log", 1 << 30, 2)
    (tmp_path / "log").write_bytes(b"first\n" + torn)
    assert lines_of(file) == [b"first"]
    file.append(b"second\n")
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"


def test_a_disk_that_takes_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All lines of a call are written or none."""
    file = AuditFile(tmp_path / "log", 1 << 30, 2)
    file.append(b"first\n")
    write, left = os.write, [5]

    def little(handle: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        size = write(handle, data[: left[0]])
        left[0] -= size
        return size

    monkeypatch.setattr(os, "write", little)
    with pytest.raises(OSError, match="No space"):
        file.append(b"a\nb\nc\n")
    monkeypatch.undo()
    assert lines_of(file) == [b"first"]
    file.append(b"a\nb\nc\n")
    assert lines_of(file) == [b"first", b"a", b"b", b"c"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link in the place of the file leads nowhere."""
    (tmp_path / "log").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        AuditFile(tmp_path / "log", 100, 2).append(b"x\n")
    assert not (tmp_path / "other").exists()


def test_a_file_that_was_moved_away(tmp_path: Path) -> None:
    """A new one is begun: nothing is written into the old one."""
    file = AuditFile(tmp_path / "log", 100, 2)
    file.append(b"1\n")
    (tmp_path / "log").rename(tmp_path / "kept")
    file.append(b"2\n")
    assert (tmp_path / "kept").read_bytes() == b"1\n"
    assert lines_of(file) == [b"2"]
