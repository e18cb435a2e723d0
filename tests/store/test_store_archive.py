"""Archives: made while writes go on, verified as a whole before anything is put in
place, and refused when they are anything else."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from pexschedd.errors import StoreError
from pexschedd.store.archive.layout import is_file_name
from pexschedd.store.archive.live import StoreArchives
from pexschedd.store.archive.reader import RestoreKeys, restore
from pexschedd.store.archive.writer import KeyWish, archive
from pexschedd.store.fs import RealFileSystem
from pexschedd.store.store import Store
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.store_command import run
from tests.store.store_support import (
    ROOM,
    TABLES,
    VISIT,
    Opened,
    Room,
    files,
    must_not_fail,
)
from tests.store.tool_support import fill

FS = RealFileSystem()
PASSPHRASE = "four words of nonsense"
PLAIN = KeyWish(in_plain_text=True)
NO_KEYS = RestoreKeys()


def packed(copy: Path, wish: KeyWish = PLAIN) -> bytes:
    pieces = archive(
        FS, copy, wish, release="1", created="20261121T060000Z", random=os.urandom
    )
    return b"".join(pieces)


def unpacked(data: bytes, to: Path, keys: RestoreKeys = NO_KEYS) -> None:
    restore(FS, io.BytesIO(data), len(data), to, keys, TABLES)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A snapshot of a store with some of everything."""
    opened = Opened(tmp_path / "state")
    fill(opened)
    for folder, name in (("icons", "1.png"), ("keytabs", "svc.keytab")):
        (tmp_path / "state" / folder).mkdir()
        (tmp_path / "state" / folder / name).write_bytes(name.encode() * 300)
    to = tmp_path / "copy"
    opened.wait(Deferred.fromCoroutine(opened.store.snapshot(to)))
    opened.close()
    return to


def contents(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in files(folder)}


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


Build = Callable[[tarfile.TarFile], None]
"""A function that puts members into an archive."""


def _tar(build: Build) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.USTAR_FORMAT) as tar:
        build(tar)
    return out.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Build:
    def build(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, link, 0
        tar.addfile(info)

    return build


def _text(name: str, data: bytes, owner: str = "") -> Build:
    def build(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.uname = len(data), owner
        tar.addfile(info, io.BytesIO(data))

    return build


def _bomb(tar: tarfile.TarFile) -> None:
    info = tarfile.TarInfo("big.json")
    info.size = 64 << 20
    tar.addfile(info, io.BytesIO(bytes(info.size)))


HOSTILE: dict[str, Build | bytes] = {
    "climbs out": _member("../evil.json"),
    "is absolute": _member("/etc/evil.json"),
    "climbs from a folder": _member("journal/../../evil"),
    "is deep": _member("a/b/c"),
    "is hidden": _member(".ssh"),
    "is a lock": _member("LOCK"),
    "is a socket's": _member("control/x"),
    "is the audit log's": _member("audit/audit.jsonl"),
    "is the reserve's": _member("disk-reserve"),
    "is a link": _member("a.json", tarfile.SYMTYPE, "/etc/passwd"),
    "is a hard link": _member("a.json", tarfile.LNKTYPE, "secret.key"),
    "is a device": _member("a.json", tarfile.CHRTYPE),
    "is a folder": _member("journal", tarfile.DIRTYPE),
    "has a long name": _member("a.json", tarfile.GNUTYPE_LONGNAME),
    "has a name in UTF-8": _member("\N{SNOWMAN}.json"),
    "has a name in no encoding": _member("\udcff\udcfe.json"),
    "has an owner in UTF-8": _text("a.json", b"{}", "m\xfcller"),
    "has a manifest that is no text": _text("MANIFEST.json", b'{"release":"\xff"}'),
    "is a bomb": _bomb,
    "is empty": gzip.compress(b""),
    "is nothing of ours": b"PK\3\4" + bytes(1000),
    "has no manifest": _member("a.json"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused(name: str, tmp_path: Path) -> None:
    """They write nothing outside, and leave nothing inside."""
    to = tmp_path / "in" / "state"
    hostile = HOSTILE[name]
    data = hostile if isinstance(hostile, bytes) else _tar(hostile)
    with pytest.raises(StoreError, match="archive"):
        unpacked(data, to)
    assert list(to.iterdir()) == []
    assert [each.name for each in to.parent.iterdir()] == ["state"]


def test_every_damage_is_found(copy: Path, tmp_path: Path) -> None:
    """One changed byte anywhere, or a missing end, is refused."""
    plain = gzip.decompress(packed(copy))
    for number, place in enumerate(range(0, len(plain), len(plain) // 40)):
        changed = bytearray(plain)
        changed[place] ^= 1
        data = gzip.compress(bytes(changed), 1)
        to = tmp_path / f"x{number}"
        try:
            unpacked(data, to)
        except StoreError:
            assert list(to.iterdir()) == []
        else:
            # Padding, or what tar says of owners: nothing that is restored.
            assert contents(to) == contents(copy)
    data = packed(copy)
    for size in range(0, len(data), len(data) // 20):
        with pytest.raises(StoreError, match="archive"):
            unpacked(data[:size], tmp_path / "cut")


def test_a_manifest_is_bound_to_its_keys(copy: Path, tmp_path: Path) -> None:
    """Who changes a sealed archive and its checksums is found out all the same."""
    data = gzip.decompress(packed(copy, KeyWish(passphrase=PASSPHRASE)))
    entries = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            entries[member.name] = file.read()
    manifest = json.loads(entries["MANIFEST.json"])
    del manifest["files"]["icons/1.png"], entries["icons/1.png"]
    entries["MANIFEST.json"] = json.dumps(manifest).encode()

    def build(tar: tarfile.TarFile) -> None:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))

    with pytest.raises(StoreError, match="passphrase"):
        unpacked(_tar(build), tmp_path / "x", RestoreKeys(passphrase=PASSPHRASE))


@pytest.mark.parametrize(
    "name", ["a/../b", "", "/a", "a/", ".a", "a/.b", "a\0", "ä", "a b"]
)
def test_names_that_no_file_has(name: str) -> None:
    """Only plain names, in the folder or one below it."""
    assert not is_file_name(name)
    assert is_file_name("journal/00000001.jsonl")


@pytest_twisted.async_yield_fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(
        tmp_path / "state",
        TABLES,
        reactor=cast(Any, reactor),
        failed=must_not_fail,
        segment_size=10_000,
        compact_from=15_000,
    )
    yield store
    await store.close()


@pytest_twisted.ensureDeferred
async def test_archives_beside_writes(store: Store, tmp_path: Path) -> None:
    """Beside commits, rolls and compactions each archive is a store of one moment: with
    all that was acknowledged before it was begun, and whole transactions only. Nothing
    is left of the copies."""
    written = 0
    making = True

    async def write() -> None:
        nonlocal written
        while making:
            with store.transaction() as change:
                change.put(ROOM, Room(id=written % 50 + 1, name="x" * 100))
                change.put(VISIT, Room(id=1, name=f"{written + 1}"))
                change.put(ROOM, Room(id=1000, name=f"{written + 1}"))
                durable = change.commit()
            await durable
            written += 1

    writing = Deferred.fromCoroutine(write())
    archives = StoreArchives(
        store, tmp_path / "state", deferToThread, release="1", random=os.urandom
    )
    key = RestoreKeys(key=(tmp_path / "state" / "secret.key").read_bytes())
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    for number in range(8):
        before = written
        made = await archives.begin(moment, "")
        data = b""
        while piece := await made.next():
            data += piece
        await made.close()
        to = tmp_path / f"restored{number}"
        await deferToThread(unpacked, data, to, key)
        restored = Opened(to)
        visit = restored.store.get(VISIT, 1)
        count = int(visit.name) if visit else 0
        room = restored.store.get(ROOM, 1000)
        assert (int(room.name) if room else 0) == count >= before
        restored.close()
    making = False
    await writing
    assert list((tmp_path / "state" / "backups").iterdir()) == []


CHILD = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from twisted.internet.defer import Deferred
from pexschedd.store.archive.writer import KeyWish
from pexschedd.store.fs import RealFileSystem
from pexschedd.tools.archive_commands import make_archive
from datetime import datetime
from tests.store.store_support import ROOM, VISIT, Opened, Room

state, to = Path(sys.argv[1]), Path(sys.argv[2])
opened = Opened(state, segment_size=4000)
count = len(opened.store.ids(ROOM))
print("open", flush=True)
number = 0

async def pause():
    pass

while True:
    for _ in range(30):
        count += 1
        with opened.store.transaction() as change:
            change.put(ROOM, Room(id=count, name="x" * 40))
            change.put(VISIT, Room(id=1, name=str(count)))
            done = change.commit()
        opened.wait(done)
    making = make_archive(
        RealFileSystem(), state, to / f"{os.getpid()}-{number}.tar.gz",
        KeyWish(in_plain_text=True), datetime(2026, 11, 21), opened.store.snapshot,
        os.urandom, pause,
    )
    opened.wait(Deferred.fromCoroutine(making))
    number += 1
    print(number, count, flush=True)
"""


def test_killed_while_archives_are_made(tmp_path: Path) -> None:
    """After SIGKILL at any moment each file with an archive's name is a whole one, and
    the store has lost nothing; its next start removes the unfinished copy."""
    state, to = tmp_path / "state", tmp_path / "archives"
    to.mkdir()
    path = str(Path(__file__).parents[2])
    acknowledged = 0
    for run_ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(state), str(to)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"open\n"
            said = [child.stdout.readline() for _ in range(2 + run_)]
            child.send_signal(signal.SIGKILL)
            said += child.stdout.readlines()
        acknowledged = max(int(line.split()[1]) for line in said if line[-1:] == b"\n")
        opened = Opened(state)
        assert len(opened.store.ids(ROOM)) >= acknowledged
        opened.close()
        assert list((state / "backups").iterdir()) == []
    made = sorted(to.glob("[0-9]*.tar.gz"))
    assert len(made) > 10
    for number, each in enumerate(made[::5]):
        restored = tmp_path / f"r{number}"
        unpacked(each.read_bytes(), restored)
        opened = Opened(restored)
        ids = list(opened.store.ids(ROOM))
        assert ids == list(range(1, len(ids) + 1))
        visit = opened.store.get(VISIT, 1)
        assert visit is not None
        assert int(visit.name) == len(ids)
        opened.close()


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
    file.write_bytes(
        b"".join(
            archive(FS, copy, PLAIN, release=release, created=words, random=os.urandom)
        )
    )
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
