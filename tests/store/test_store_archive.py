"""Archives: what is in them, and what a restore puts in place."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from pexschedd.errors import StoreError
from pexschedd.store.archive.reader import RestoreKeys, restore
from pexschedd.store.archive.writer import KeyWish
from pexschedd.store.fs import RealFileSystem
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.store_command import run
from tests.store.archive_support import NO_KEYS, PASSPHRASE, contents, packed, unpacked
from tests.store.store_support import TABLES, Opened
from tests.store.tool_support import fill


def test_an_archive_is_the_folder(copy: Path, tmp_path: Path) -> None:
    """Every file comes back as it was, closed to others; a usual tar reads it, too."""
    data = packed(copy)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert "MANIFEST.json" in tar.getnames()
        assert all(member.mode == 0o600 for member in tar.getmembers())
    to = tmp_path / "deeper" / "restored"
    unpacked(data, to)
    assert contents(to) == contents(copy)
    assert all(path.stat().st_mode & 0o077 == 0 for path in [to, *to.rglob("*")])
    Opened(to).close()


def test_keys_are_left_out_or_sealed(copy: Path, tmp_path: Path) -> None:
    """Without a wish there is nothing that opens secrets; with a passphrase it comes
    back; a wrong one, or another file in the archive, is refused."""
    secret = (copy / "secret.key").read_bytes().strip()
    without, sealed = (
        packed(copy, KeyWish()),
        packed(copy, KeyWish(passphrase=PASSPHRASE)),
    )
    for data in (without, sealed):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            names = tar.getnames()
        assert not {"secret.key", "keytabs/svc.keytab"} & set(names)
        assert secret not in gzip.decompress(data)
    for number, (data, keys, words) in enumerate(
        (
            (without, NO_KEYS, "--key-file"),
            (sealed, NO_KEYS, "--passphrase-file"),
            (sealed, RestoreKeys(passphrase="another passphrase"), "passphrase"),
            (without, RestoreKeys(key=b"ab" * 32), "secret.key"),
        )
    ):
        to = tmp_path / f"refused{number}"
        with pytest.raises(StoreError, match=words):
            unpacked(data, to, keys)
        assert list(to.iterdir()) == []
    unpacked(sealed, tmp_path / "a", RestoreKeys(passphrase=PASSPHRASE))
    assert contents(tmp_path / "a") == contents(copy)
    key = RestoreKeys(key=(copy / "secret.key").read_bytes())
    unpacked(without, tmp_path / "b", key)
    assert (tmp_path / "b" / "secret.key").read_bytes().strip() == secret
    unpacked(without, tmp_path / "c", RestoreKeys(without=True))
    assert not (tmp_path / "c" / "secret.key").exists()


def test_only_an_empty_folder_is_restored_into(copy: Path, tmp_path: Path) -> None:
    """Anything else is left exactly as it was."""
    to = tmp_path / "there"
    to.mkdir()
    (to / "mine").write_text("x")
    with pytest.raises(StoreError, match="not empty"):
        unpacked(packed(copy), to)
    assert contents(to) == {"mine": b"x"}


def test_what_a_killed_restore_leaves_is_done_again(copy: Path, tmp_path: Path) -> None:
    """Its hidden folder is no obstacle."""
    to = tmp_path / "again"
    (to / ".restored.tmp" / "journal").mkdir(parents=True)
    (to / ".restored.tmp" / "journal" / "x").write_text("x")
    unpacked(packed(copy), to)
    assert contents(to) == contents(copy)


class Full(RealFileSystem):
    """A disk on which one call fails."""

    def __init__(self, call: int) -> None:
        self.left = call

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")

    def write(self, handle: int, data: bytes) -> int:
        self._count()
        return super().write(handle, data)

    def rename(self, old: Path, new: Path) -> None:
        self._count()
        super().rename(old, new)

    def sync(self, handle: int) -> None:
        self._count()
        super().sync(handle)


def test_an_interrupted_restore_is_no_state(copy: Path, tmp_path: Path) -> None:
    """Whichever call fails, the folder is empty, refused by the daemon, or complete."""
    data = packed(copy)
    seen = set()
    for call in range(200):
        to = tmp_path / f"try{call}"
        try:
            restore(Full(call), io.BytesIO(data), len(data), to, NO_KEYS, TABLES)
            break
        except OSError:
            names = {each.name for each in to.iterdir()}
        assert "format.json" not in names
        seen.add(bool(names))
        if names:
            with pytest.raises(StoreError):
                Opened(to)
    assert contents(to) == contents(copy)
    assert seen == {False, True}


def test_a_newer_release_is_named(copy: Path, tmp_path: Path) -> None:
    """Its backup is sound: another one is not called for."""
    info = json.loads((copy / "format.json").read_text())
    del info["crc"]
    (copy / "format.json").write_text(json.dumps({**info, "format": 99}))
    with pytest.raises(StoreError, match="with that release, or a later") as refused:
        unpacked(packed(copy), tmp_path / "to")
    assert "of release 1, which is newer" in refused.value.message
    assert "another backup" not in refused.value.message
    assert not list((tmp_path / "to").iterdir())


def test_without_its_key(copy: Path, tmp_path: Path) -> None:
    """A key in plain text is left in the archive, and all else has to be sound."""
    to = tmp_path / "to"
    unpacked(packed(copy), to, RestoreKeys(without=True))
    expected = contents(copy)
    del expected["secret.key"]
    assert contents(to) == expected
    (copy / "others.json").write_text("{}")
    with pytest.raises(StoreError, match="not sound"):
        unpacked(packed(copy), tmp_path / "damaged", RestoreKeys(without=True))
    assert not list((tmp_path / "damaged").iterdir())


async def command(*arguments: object) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    status = await run([*map(str, arguments)], out, err, reactor, tables=TABLES)
    return status, out.getvalue() + err.getvalue()


@pytest_twisted.ensureDeferred
async def test_the_tool_makes_and_restores_archives(tmp_path: Path) -> None:
    """`pexschedd-store archive` and `restore`, with a passphrase and without; what is
    in the way is said."""
    state, file = tmp_path / "state", tmp_path / "a.tar.gz"
    opened = Opened(state)
    fill(opened)
    before = opened.content()
    opened.close()
    phrase = tmp_path / "phrase"
    phrase.write_text(f"{PASSPHRASE}\nanything\n")
    status, text = await command("--state-dir", state, "archive", file)
    assert status == ExitStatus.DONE, text
    assert "keep it safe" in text
    assert file.stat().st_mode & 0o077 == 0
    status, text = await command("--state-dir", state, "archive", file)
    assert status == ExitStatus.USAGE
    assert "exists already" in text
    sealed = tmp_path / "sealed.tar.gz"
    with_phrase = ("--passphrase-file", phrase)
    status, text = await command("--state-dir", state, "archive", sealed, *with_phrase)
    assert status == ExitStatus.DONE, text
    for number, (name, more) in enumerate(((file, ()), (sealed, with_phrase))):
        to = tmp_path / f"new{number}"
        status, text = await command("--state-dir", to, "restore", name, *more)
        assert status == ExitStatus.DONE, text
        assert "verified" in text
        assert "schedulingrecovery" in text
        restored = Opened(to)
        assert restored.content() == before
        restored.close()
    status, text = await command("--state-dir", state, "restore", file)
    assert status == ExitStatus.UNAVAILABLE
    assert "not empty" in text
    phrase.write_text("short\n")
    status, text = await command("--state-dir", state, "archive", "x", *with_phrase)
    assert status == ExitStatus.USAGE
    assert "12 to 1024" in text
    status, text = await command("--state-dir", state, "archive", tmp_path / "no" / "a")
    assert status == ExitStatus.USAGE
    assert f"there is no folder {tmp_path / 'no'}" in text
    (state / "keytabs").mkdir()
    (state / "keytabs" / "1.keytab~").write_bytes(b"old")
    status, text = await command("--state-dir", state, "archive", tmp_path / "b")
    assert status == ExitStatus.IO_ERROR
    assert "'keytabs/1.keytab~' is no name of a file" in text


@pytest_twisted.ensureDeferred
async def test_words_of_an_archive_cannot_command_a_terminal(
    copy: Path, tmp_path: Path
) -> None:
    """Its time and its release are shown, and may be anything."""
    words, release = "\x1b[2J\nRun this" + 99 * "x", "1\x07"
    file = tmp_path / "a.tar.gz"
    file.write_bytes(packed(copy, release=release, created=words))
    status, text = await command("--state-dir", tmp_path / "to", "restore", file)
    assert status == ExitStatus.DONE, text
    assert text.splitlines()[0].startswith("The state of  [2J Run thisxxx")
    assert "of release 1 , is in" in text
    assert 30 * "x" not in text


@pytest_twisted.ensureDeferred
async def test_a_backup_is_a_file(tmp_path: Path) -> None:
    """What has no size is not waited for, nor said to be too small for its content."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in (pipe, tmp_path):
        status, text = await command("--state-dir", tmp_path / "to", "restore", name)
        assert (status, text) == (
            ExitStatus.USAGE,
            f"{name}: a backup is restored from a file only.\n",
        )
    assert not (tmp_path / "to").exists()
