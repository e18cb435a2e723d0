"""The journal's files while the daemon runs: append, and begin a new segment.

Opening and verifying them is `recovery.py`. Afterwards everything here runs on the
journal's thread. Errors are OSError. After one that `may_pass` the same call may be
made again, with the same arguments and before any other, once `ready` has succeeded.
All others are final: it is not known what is on the disk.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pexschedd.store.disk.postponed import PostponedWrites
from pexschedd.store.fs import FileSystem, may_pass, replace
from pexschedd.store.hints.line_index import SegmentLines
from pexschedd.store.journal.manifest import (
    KEPT,
    Manifest,
    Segment,
    compacted_name,
    encode,
    hint_name,
    manifest_name,
    segment_name,
    segment_number,
)
from pexschedd.store.journal.replay import SegmentExtent


class Segments:
    """The segments in one folder, the last of which grows."""

    def __init__(
        self,
        fs: FileSystem,
        directory: Path,
        manifests: Mapping[int, Manifest],
        extent: SegmentExtent,
        crc: int,
        postponed: PostponedWrites | None = None,
    ) -> None:
        """`extent` is what is in the last segment of the newest manifest, and `crc` the
        crc32 of it; `postponed` is what the start could not write."""
        self._fs = fs
        self.directory = directory
        self._manifests = dict(manifests)
        self._held: list[Manifest] = []
        self._discarded: Callable[[], object] = lambda: None
        """Waits until the files being removed are gone."""
        self._extent = extent
        self._crc = crc
        self.postponed = postponed or PostponedWrites()
        self._handle: int | None = None
        self._is_torn = False
        """True while more may be on the disk than `_extent` says."""
        self._renamed = ""
        """The compacted segment that has its name, but is in no manifest yet."""
        self.postponed.add(self._open)
        self.postponed.add(self._sync)

    @property
    def manifest(self) -> Manifest:
        """The newest manifest, which is the one that counts."""
        return self._manifests[max(self._manifests)]

    @property
    def manifest_path(self) -> Path:
        """The path of the newest manifest."""
        return self.directory / manifest_name(max(self._manifests))

    @property
    def size(self) -> int:
        """The size of the last segment in bytes."""
        return self._extent.size

    @property
    def last(self) -> int:
        """The number of the last operation."""
        return self._extent.last

    def _open(self) -> None:
        self._handle = self._fs.append(self.directory / self.manifest.segments[-1].name)

    def _sync(self) -> None:
        """Make durable what is visible: a process that was killed may have written
        it."""
        self._fs.sync(self._active)
        self._fs.sync_dir(self.directory)

    @property
    def _active(self) -> int:
        assert self._handle is not None  # noqa: S101 - nothing is written before `ready`
        return self._handle

    def ready(self) -> None:
        """Make up for writes that have failed, the start's included.

        An `append` that failed is cut off. After a failed sync its bytes may be in the
        system's memory only, marked as written: to sync them once more would not make
        them durable, to write them once more does.
        """
        self.postponed.make_up()
        if self._is_torn:
            self._fs.truncate(self._active, self._extent.size)
            self._fs.sync(self._active)
            self._is_torn = False

    def append(self, data: bytes, lines: int, last: int) -> None:
        """Append lines and make them durable; `last` is the last one's number."""
        handle = self._active
        self._is_torn = True
        rest = data
        while rest:
            rest = rest[self._fs.write(handle, rest) :]
            # Also after a part, which is rare: of two parts that are not durable, a
            # crash could leave the second without the first.
            self._fs.datasync(handle)
        self._is_torn = False
        self._extent = SegmentExtent(
            self._extent.size + len(data), self._extent.lines + lines, last
        )
        self._crc = zlib.crc32(data, self._crc)

    def roll(self, next_ids: Mapping[str, int], lines: SegmentLines) -> None:
        """Seal the last segment, whose lines are `lines`, and begin a new one.

        The new file is durable before a manifest lists it, and is not written to
        before that manifest is durable. So after a crash a file that is not listed is
        empty.
        """
        if not self._extent.lines:
            return
        *before, active = self.manifest.segments
        name = segment_name(segment_number(active.name) + 1)
        handle = self._fs.create(self.directory / name)
        try:
            self._fs.sync(handle)
            self._fs.sync_dir(self.directory)
            self.publish(
                next_ids,
                (
                    *before,
                    self._extent.seal(active),
                    Segment(name=name, first=self._extent.last + 1),
                ),
            )
        except OSError:
            self._fs.close(handle)
            raise
        sealed, self._handle = self._active, handle
        self._fs.close(sealed)
        lines.name, lines.crc, lines.sealed = active.name, self._crc, True
        self._extent = SegmentExtent(0, 0, self._extent.last)
        self._crc = 0

    def replace_oldest(
        self, count: int, path: Path, lines: SegmentLines, next_ids: Mapping[str, int]
    ) -> None:
        """Replace the oldest `count` segments with one compacted segment.

        `path` is the finished and synced file, under a temporary name.
        """
        before = self.manifest.segments
        name = compacted_name(self.next_number)
        if self._renamed != name:
            self._fs.rename(path, self.directory / name)
            self._renamed = name
        self._fs.sync_dir(self.directory)
        compacted = Segment(
            name=name,
            compacted=True,
            first=before[0].first,
            last=before[count - 1].last,
            lines=len(lines.sizes),
            size=lines.size,
        )
        self.publish(next_ids, (compacted, *before[count:]))
        lines.name, lines.sealed = name, True

    @property
    def next_number(self) -> int:
        """The number of the next manifest."""
        return max(self._manifests) + 1

    def publish(
        self, next_ids: Mapping[str, int], segments: tuple[Segment, ...]
    ) -> None:
        """Write a manifest that makes a new list of segments the one that counts."""
        number = self.next_number
        manifest = Manifest(next_ids=next_ids, segments=segments)
        write_manifest(self._fs, self.directory, number, manifest)
        self._manifests[number] = manifest
        self.forget(KEPT)

    def forget(self, kept: int) -> None:
        """Remove all but the newest `kept` manifests, and the segments that only those
        list."""
        while len(self._manifests) > kept:
            oldest = min(self._manifests)
            self._discard(self._manifests.pop(oldest), manifest_name(oldest))

    def hold(self) -> Manifest:
        """Return the newest manifest and keep what it lists until `release`."""
        self._held.append(self.manifest)
        return self.manifest

    def release(self, manifest: Manifest) -> None:
        """End a `hold`, and remove the segments that no other manifest lists."""
        self._held.remove(manifest)
        self._discard(manifest)

    def _discard(self, gone: Manifest, *names: str) -> None:
        """Remove files, and then the segments that only this manifest lists."""
        needed = listed([*self._manifests.values(), *self._held])
        unlisted = sorted(listed([gone]) - needed)
        names += tuple(n for name in unlisted for n in (name, hint_name(name)))
        if names:
            self._discarded = self._fs.discard([self.directory / n for n in names])

    def close(self) -> None:
        """Wait for removals to finish, and close the last segment."""
        self._discarded()  # the folder may be another process's afterwards
        if self._handle is not None:
            self._fs.close(self._handle)


def listed(manifests: Iterable[Manifest]) -> set[str]:
    """Return the names of all segments in some manifests."""
    return {segment.name for manifest in manifests for segment in manifest.segments}


def write_manifest(
    fs: FileSystem,
    directory: Path,
    number: int,
    manifest: Manifest,
) -> None:
    """Write the manifest with this number, durably."""
    replace(fs, directory / manifest_name(number), encode(manifest))


def remove(fs: FileSystem, path: Path) -> None:
    """Remove a file that nothing refers to; it may be missing, as in a backup, and
    stays on a read-only disk."""
    try:
        fs.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        if not may_pass(error):
            raise
