"""Hostile, damaged and foreign archives: refused before anything is put in place."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pexschedd.errors import StoreError
from pexschedd.store.archive.layout import is_file_name
from pexschedd.store.archive.reader import RestoreKeys
from pexschedd.store.archive.writer import KeyWish
from tests.store.archive_support import PASSPHRASE, contents, packed, unpacked

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
