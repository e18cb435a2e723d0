"""A disk in memory that knows what a power failure may leave of it.

The model: what was written to a file is certain after a sync of the file; a name is
certain after a sync of its folder. Before that each write may be lost, cut at any byte
or kept, and each change of a name may be lost or kept, independently of the others.
"""

import contextlib
import copy
import errno
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from pexschedd.store.disk.reserve import DiskSpace
from pexschedd.store.fs import FileSystem, is_temporary

T = TypeVar("T")
Image = frozenset[tuple[str, "bytes | Image"]]

SYNCS = ("sync", "datasync", "sync_dir")
"""Calls that make certain what is there, and change nothing: whatever a crash leaves
after one of them, a crash before it may have left as well."""


class File:
    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.durable = data
        self.pending: list[tuple[int, bytes | None]] = []
        """Writes at an offset; None: cut there."""

    def apply(self, offset: int, data: bytes | None) -> None:
        self.data = _applied(self.data, offset, data)
        self.pending.append((offset, data))

    def sync(self) -> None:
        self.durable = self.data
        self.pending.clear()

    def survivors(self, cuts: Callable[[bytes], Sequence[int]]) -> set[bytes]:
        """All contents a crash may leave; `cuts(data)`: where a write may be cut."""
        found = {self.durable}
        for offset, data in self.pending:
            for before in sorted(found):
                if data is None:
                    found.add(_applied(before, offset, None))
                else:
                    for cut in (*cuts(data), len(data)):
                        if cut:
                            found.add(_applied(before, offset, data[:cut]))
        return found


class Folder:
    def __init__(self) -> None:
        self.names: dict[str, File | Folder] = {}
        self.durable: dict[str, File | Folder] = {}
        self.pending: list[tuple[str, File | Folder | None]] = []

    def set(self, name: str, node: "File | Folder | None") -> None:
        _set(self.names, name, node)
        self.pending.append((name, node))

    def sync(self) -> None:
        self.durable = dict(self.names)
        self.pending.clear()

    def survivors(self) -> Iterator[dict[str, "File | Folder"]]:
        for kept in itertools.product((False, True), repeat=len(self.pending)):
            names = dict(self.durable)
            for (name, node), keep in zip(self.pending, kept, strict=True):
                if keep:
                    _set(names, name, node)
            yield names


class Choose(Protocol):
    """Picks one of several."""

    def __call__(self, among: Sequence[T]) -> T: ...


def all_files(folder: Folder, path: Path) -> dict[Path, File]:
    """Everything below a folder that is at this path."""
    found = {}
    for name, node in folder.names.items():
        if isinstance(node, File):
            found[path / name] = node
        else:
            found |= all_files(node, path / name)
    return found


def image(folder: Folder) -> "Image":
    """Everything in a folder, to be compared: what two disks have in common a store
    cannot tell apart."""
    return frozenset(
        (name, node.data if isinstance(node, File) else image(node))
        for name, node in folder.names.items()
    )


class Disk(FileSystem):
    """The file system. `before` is called with the name of each changing call."""

    def __init__(self, root: Folder | None = None) -> None:
        self.root = root or Folder()
        self.before: Callable[[str], None] = lambda call: None
        self.free = DiskSpace(1 << 40, 1 << 40)
        self.broken = ""
        """A call that is only pretended: sync, datasync or sync_dir."""
        self._open: dict[int, File] = {}
        self._handles = itertools.count(1)

    def copy(self) -> "Disk":
        """Another disk with the same on it, what is not durable included."""
        return Disk(copy.deepcopy(self.root))

    def crashes(self, cuts: Callable[[bytes], Sequence[int]]) -> Iterator["Disk"]:
        """Every disk that a crash at this moment may leave."""
        for root in _crashed(self.root, cuts):
            yield Disk(root)

    def crash(self, cuts: Callable[[bytes], Sequence[int]], choose: "Choose") -> "Disk":
        """One of them. There may be too many to list."""
        return Disk(_one_crashed(self.root, cuts, choose))

    def killed(self) -> "Disk":
        """The disk as a killed process leaves it: nothing that was written is lost."""
        return Disk(_copied(self.root))

    def _node(self, path: Path) -> File | Folder:
        node: File | Folder = self.root
        for part in path.parts[1:]:
            if not isinstance(node, Folder) or part not in node.names:
                raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
            node = node.names[part]
        return node

    def _file(self, path: Path) -> File:
        node = self._node(path)
        assert isinstance(node, File)
        return node

    def _folder(self, path: Path) -> Folder:
        node = self._node(path)
        assert isinstance(node, Folder)
        return node

    def _handle(self, file: File) -> int:
        handle = next(self._handles)
        self._open[handle] = file
        return handle

    def listdir(self, path: Path) -> Sequence[str]:
        return list(self._folder(path).names)

    def mkdir(self, path: Path) -> None:
        self.before("mkdir")
        parent = self._folder(path.parent)
        if path.name in parent.names:
            raise FileExistsError(errno.EEXIST, "exists", str(path))
        parent.set(path.name, Folder())

    def rmdir(self, path: Path) -> None:
        self.before("rmdir")
        if self._folder(path).names:
            raise OSError(errno.ENOTEMPTY, "not empty", str(path))
        self._folder(path.parent).set(path.name, None)

    def size(self, path: Path) -> int:
        return len(self._file(path).data)

    def mode(self, path: Path) -> int:
        self._file(path)
        return 0o600

    def space(self, path: Path) -> DiskSpace:
        return self.free

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        data = self._file(path).data
        return data[offset:] if size < 0 else data[offset : offset + size]

    def create(self, path: Path) -> int:
        self.before("create")
        parent = self._folder(path.parent)
        if path.name in parent.names:
            file = self._file(path)
            file.apply(0, None)
        else:
            file = File()
            parent.set(path.name, file)
        return self._handle(file)

    def append(self, path: Path) -> int:
        return self._handle(self._file(path))

    def open(self, path: Path) -> int:
        return self._handle(self._file(path))

    def read_at(self, handle: int, offset: int, size: int) -> bytes:
        return self._open[handle].data[offset : offset + size]

    def write(self, handle: int, data: bytes) -> int:
        self.before("write")
        file = self._open[handle]
        file.apply(len(file.data), data)
        return len(data)

    def truncate(self, handle: int, size: int) -> None:
        self.before("truncate")
        self._open[handle].apply(size, None)

    def sync(self, handle: int) -> None:
        self.before("sync")
        if self.broken != "sync":
            self._open[handle].sync()

    def datasync(self, handle: int) -> None:
        self.before("datasync")
        if self.broken != "datasync":
            self._open[handle].sync()

    def close(self, handle: int) -> None:
        del self._open[handle]

    def rename(self, old: Path, new: Path) -> None:
        self.before("rename")
        file = self._node(old)
        self._folder(new.parent).set(new.name, file)
        self._folder(old.parent).set(old.name, None)

    def link(self, old: Path, new: Path) -> None:
        self.before("link")
        self._folder(new.parent).set(new.name, self._file(old))

    def unlink(self, path: Path) -> None:
        self.before("unlink")
        self._file(path)
        self._folder(path.parent).set(path.name, None)

    def discard(self, paths: Sequence[Path]) -> Callable[[], object]:
        for path in paths:
            # A crash may have left it gone already; the real one looks away, too.
            with contextlib.suppress(FileNotFoundError):
                self.unlink(path)
        return lambda: None

    def sync_dir(self, path: Path) -> None:
        self.before("sync_dir")
        if self.broken != "sync_dir":
            self._folder(path).sync()

    def lock(self, path: Path, owner: str) -> int:
        return self._handle(File())


def few_cuts(data: bytes) -> Sequence[int]:
    """The ends and the middle: enough to tell lost, torn and nearly whole apart."""
    return sorted({1, len(data) // 2, len(data) - 1} - {0})


def _applied(before: bytes, offset: int, data: bytes | None) -> bytes:
    kept = before[:offset]
    if data is None:
        return kept
    hole = bytes(max(0, offset - len(before)))
    return kept + hole + data + before[offset + len(data) :]


def _set(
    names: dict[str, File | Folder], name: str, node: "File | Folder | None"
) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _crashed(
    folder: Folder, cuts: Callable[[bytes], Sequence[int]]
) -> Iterator[Folder]:
    for names in folder.survivors():
        choices: list[Sequence[bytes | Folder]] = [
            # Nobody reads a temporary file, so it need not be cut everywhere.
            sorted(node.survivors(few_cuts if is_temporary(name) else cuts))
            if isinstance(node, File)
            else list(_crashed(node, cuts))
            for name, node in names.items()
        ]
        for chosen in itertools.product(*choices):
            result = Folder()
            for name, left in zip(names, chosen, strict=True):
                # A copy: recovery from one state must not change the next one.
                result.names[name] = (
                    File(left) if isinstance(left, bytes) else _copied(left)
                )
            result.sync()
            yield result


def _one_crashed(
    folder: Folder, cuts: Callable[[bytes], Sequence[int]], choose: "Choose"
) -> Folder:
    names = dict(folder.durable)
    for name, node in folder.pending:
        if choose((False, True)):
            _set(names, name, node)
    result = Folder()
    for name, left in names.items():
        if isinstance(left, File):
            ends = few_cuts if is_temporary(name) else cuts
            result.names[name] = File(choose(sorted(left.survivors(ends))))
        else:
            result.names[name] = _one_crashed(left, cuts, choose)
    result.sync()
    return result


def _copied(folder: Folder) -> Folder:
    result = Folder()
    for name, node in folder.names.items():
        result.names[name] = (
            File(node.data) if isinstance(node, File) else _copied(node)
        )
    result.sync()
    return result
