"""Mends a damaged state folder as far as that is possible without guessing.

Every step says what it does and what is lost by it before it is done, and keeps what
it takes away in `set-aside/<time>/`. The rules:

- a damaged line is taken out together with the rest of its transaction, so that no
  transaction is half there; everything else in the file is kept. What those lines were
  about is then as it was before them;
- a lost file of the journal becomes an empty one, in the same sense;
- a manifest that cannot be read gives way to the one before it, or to one that is made
  from what the files say;
- a key in which one or two digits are damaged is found again: `format.json` knows which
  key it was. Another key is only made on demand: the secrets cannot be read then;
- a document that is sound but not what was written is accepted as it is; one that
  cannot be read is not touched: only the administrator can decide to go without it;
- what is as it was written, but not what this release can take, is not touched.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pexschedd.errors import StoreError
from pexschedd.model.table import Table
from pexschedd.store import documents
from pexschedd.store.collection import Collection
from pexschedd.store.folder import JOURNAL, FolderInfo
from pexschedd.store.fs import FileSystem, make_dirs, replace
from pexschedd.store.fsck.inspection import Damage, FolderInspection, inspect
from pexschedd.store.fsck.key_repair import KeyRepair, RepairStep, write_info
from pexschedd.store.fsck.salvage import salvage
from pexschedd.store.journal.manifest import (
    COMPACTED,
    Manifest,
    Segment,
    compacted_name,
    encode,
    manifest_name,
    manifest_numbers,
    segment_name,
    segment_number,
)
from pexschedd.store.journal.segment_discovery import SegmentSpan, chained
from pexschedd.store.journal.segments import listed
from pexschedd.store.records import NewerFormat
from pexschedd.store.secrets import GivenKey, key_id_of


class Repair:
    """The repair of one folder; `moment` names the folder for what is set aside."""

    def __init__(
        self,
        fs: FileSystem,
        directory: Path,
        tables: Sequence[Table[Any]],
        moment: str,
        *,
        new_key: bool = False,
        give_up: Sequence[str] = (),
        given_key: GivenKey | None = None,
    ) -> None:
        """`new_key`: start with another key if the old one is lost. `give_up`: names
        of documents to begin anew if they cannot be read. `given_key`: one that is not
        kept in the folder, and is not changed."""
        self._given_key = given_key
        self._keys = KeyRepair(
            fs,
            directory,
            self._replace,
            self._set_aside,
            wants_new=new_key,
            given_key=given_key,
        )
        self._fs = fs
        self._directory = directory
        self._journal = directory / JOURNAL
        self._tables = tables
        self._aside = directory / "set-aside" / moment
        self._give_up = give_up

    def steps(self, found: FolderInspection, *only: Damage) -> Iterator[RepairStep]:
        """Plan the repair of all findings, or of some, in the order of doing it. Plans
        nothing if a newer release has been here: what looks damaged may only be new.

        After a step of the journal the folder has to be inspected again: there may be
        more to see then. `run` does that.
        """
        if any(finding.kind == "newer" for finding in found.findings):
            return
        for finding in only or found.findings:
            step = self._step(found, finding)
            if step is not None:
                yield step

    def run(self, say: Callable[[str], None]) -> FolderInspection:
        """Repair the folder, announce each step through `say`, and return what is
        left."""
        done: set[str] = set()
        while True:
            found = inspect(self._fs, self._directory, self._tables, self._given_key)
            step = next((s for s in self.steps(found) if s.text not in done), None)
            if step is None:
                return found
            done.add(step.text)
            say(step.text)
            step.do()

    def _step(self, found: FolderInspection, finding: Damage) -> RepairStep | None:
        path = finding.path
        if finding.kind == "format":
            return self._format(path)
        if finding.kind == "key":
            return self._keys.step(found.info, path)
        if finding.kind in ("unreadable", "unacceptable"):
            return None  # taking it away would be a loss, and no repair
        if finding.kind == "document":
            return self._document(found, finding)
        if finding.kind == "manifest":
            return self._manifest(found, path)
        if finding.kind == "stray":
            return RepairStep(
                f"{path} is set aside: a file before it is missing. What is in it is "
                "given up.",
                lambda: self._set_aside(path),
            )
        return self._segment(found, finding)

    def only_if_asked(self, finding: Damage) -> str:
        """Return the option that would repair a finding; empty if there is none."""
        name = finding.path.name
        known = {f"{t.document}.json" for t in self._tables if t.document}
        if finding.kind == "document" and name in known:
            return f"--give-up {name}, to start again with an empty one"
        return self._keys.only_if_asked(finding.path) if finding.kind == "key" else ""

    # format.json

    def _format(self, path: Path) -> RepairStep | None:
        known_key = self._keys.known()
        if known_key is None:
            return None
        key, source = known_key
        names = self._fs.listdir(self._directory)
        known = {f"{t.document}.json" for t in self._tables if t.document}
        contents = tuple(sorted((known | {JOURNAL}) & set(names)))

        def do() -> None:
            self._set_aside(path)
            info = FolderInfo(key_id=key_id_of(key), contents=contents)
            write_info(self._fs, self._directory, info)

        return RepairStep(
            f"{path} is made again from what was found: the key in {source}, and "
            f"{', '.join(contents)}. If another file is missing, that goes unnoticed.",
            do,
        )

    # documents

    def _document(self, found: FolderInspection, finding: Damage) -> RepairStep | None:
        path = finding.path
        mine = [t for t in self._tables if f"{t.document}.json" == path.name]
        collections = [Collection(table) for table in mine]
        try:
            data = self._fs.read(path)
            plain = re.sub(rb'^\{\n  "crc": "[^"\n]*",\n', b"{\n", data)
            documents.load(path, plain, collections)
        except (OSError, StoreError):
            if path.name not in self._give_up:
                return None
            empty = documents.encode([Collection(table) for table in mine])
            return RepairStep(
                f"{path} starts again empty, as you asked.",
                lambda: self._replace(path, empty),
            )
        accepted = documents.encode(collections)
        return RepairStep(
            f"{path} is accepted as it is: every record in it is sound, but it is not "
            "what was written last. Check it afterwards.",
            lambda: self._replace(path, accepted),
        )

    # the journal

    def _manifest(self, found: FolderInspection, path: Path) -> RepairStep | None:
        if path == self._journal and (
            path.name not in self._fs.listdir(path.parent)
            or manifest_numbers(self._names())
        ):
            return None
        older = max(found.manifests, default=0)
        if older and self._leads_to_the_same(found):
            return RepairStep(
                f"{path} is set aside; {manifest_name(older)} leads to the same data.",
                lambda: self._set_aside(path),
            )
        segments = self._chain()
        if not segments:
            return None
        text = ", ".join(segment.name for segment in segments)

        def make() -> None:
            for number in manifest_numbers(self._names()):
                self._set_aside(self._journal / manifest_name(number))
            self._publish(segments, {})

        return RepairStep(
            f"{path}: a manifest is made from the files themselves: {text}. Ids of "
            "records that were deleted long ago may be given again.",
            make,
        )

    def _leads_to_the_same(self, found: FolderInspection) -> bool:
        """Return whether the newest readable manifest may be believed: not if its
        segments are gone, and what has replaced them is there."""
        names = set(self._names())
        known = listed(found.manifests.values())
        newer = any(COMPACTED.fullmatch(name) for name in names - known)
        newest = found.manifests[max(found.manifests)]
        return not newer or listed([newest]) <= names

    def _chain(self) -> tuple[Segment, ...]:
        names = self._names()
        plain = sorted(filter(segment_number, names), key=segment_number)
        compacted = sorted(filter(COMPACTED.fullmatch, names))
        try:
            return chained(self._spans(plain), self._spans(compacted))
        except NewerFormat:
            return ()

    def _spans(self, names: Sequence[str]) -> list[SegmentSpan]:
        return [
            SegmentSpan.of(name, self._fs.read(self._journal / name)) for name in names
        ]

    def _segment(self, found: FolderInspection, finding: Damage) -> RepairStep | None:
        manifest = found.newest
        if manifest is None or any(f.kind == "manifest" for f in found.findings):
            return None  # it is not certain yet which segments there have to be
        path = finding.path
        place = next(i for i, s in enumerate(manifest.segments) if s.name == path.name)
        segment = manifest.segments[place]
        lost: list[int] = []
        if finding.kind == "lost":
            kept, last = b"", segment.last or segment.first - 1
            what = "is lost, and what was in it is given up"
        else:
            kept, lost, last = salvage(self._fs.read(path), segment)
            count = kept.count(b"\n")
            what = (
                f"keeps {count} line{'' if count == 1 else 's'}, {_some(lost)} given up"
            )

        def do() -> None:
            self._put_in_place(manifest, place, kept, last)
            if finding.kind != "lost":
                self._set_aside(path)
            for number in manifest_numbers(self._names())[:-1]:
                self._set_aside(self._journal / manifest_name(number))

        return RepairStep(
            f"{path} {what}: the records that this was about are as they were before. "
            "A backup's copy of this file would be better.",
            do,
        )

    def _put_in_place(
        self, manifest: Manifest, place: int, kept: bytes, last: int
    ) -> None:
        number = manifest_numbers(self._names())[-1] + 1
        old = manifest.segments[place]
        last = max(last, old.first - 1)
        mended = Segment(
            name=compacted_name(number),
            compacted=True,
            first=old.first,
            last=last,
            lines=kept.count(b"\n"),
            size=len(kept),
        )
        segments = [*manifest.segments[:place], mended, *manifest.segments[place + 1 :]]
        replace(self._fs, self._journal / mended.name, kept)
        if place == len(manifest.segments) - 1:
            highest = max(map(segment_number, self._names()))
            active = segment_name(highest + 1)
            self._fs.close(self._fs.create(self._journal / active))
            segments.append(Segment(name=active, first=last + 1))
        self._publish(tuple(segments), manifest.next_ids)

    def _publish(self, segments: tuple[Segment, ...], next_ids: Any) -> None:
        number = max(manifest_numbers(self._names()), default=0) + 1
        manifest = Manifest(next_ids=next_ids, segments=segments)
        self._fs.sync_dir(self._journal)
        replace(self._fs, self._journal / manifest_name(number), encode(manifest))

    def _names(self) -> Sequence[str]:
        return self._fs.listdir(self._journal)

    # setting aside

    def _replace(self, path: Path, data: bytes) -> None:
        if path.name in self._fs.listdir(path.parent):
            target = self._target(path)
            replace(self._fs, target, self._fs.read(path))
        replace(self._fs, path, data)

    def _set_aside(self, path: Path) -> None:
        if path.name not in self._fs.listdir(path.parent):
            return
        target = self._target(path)
        self._fs.rename(path, target)
        self._fs.sync_dir(target.parent)
        self._fs.sync_dir(path.parent)

    def _target(self, path: Path) -> Path:
        target = self._aside / path.relative_to(self._directory)
        make_dirs(self._fs, target.parent)
        names = self._fs.listdir(target.parent)
        number = 2
        while target.name in names:
            target = target.with_name(f"{path.name}.{number}")
            number += 1
        return target


def _some(numbers: list[int]) -> str:
    if len(numbers) < 2:
        return f"line {numbers[0]} is" if numbers else "what is missing is"
    *first, last = [*map(str, numbers[:5])]
    if len(numbers) > 5:
        first, last = [*first, last], f"{len(numbers) - 5} more"
    return f"lines {', '.join(first)} and {last} are"
