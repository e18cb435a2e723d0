"""The list of the segments that make up the journal, and the names of its files. Pure.

A manifest is never changed. Each new one gets the next number in its name, the one
with the highest number counts, and the last few are kept together with the segments
they list. That makes a backup simple: a tool that lists the folder and then copies it
file by file gets one manifest with everything it lists, whatever happens meanwhile.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from pexschedd.store import checksummed_json

FORMAT = 1

KEPT = 8
"""The number of manifests that are kept, so the number of times that the list of
segments may change during a backup. Segments that compaction has replaced stay until
no kept manifest lists them."""

MANIFEST = re.compile(r"MANIFEST-(\d{8})\.json")
SEGMENT = re.compile(r"(\d{8})\.jsonl")
COMPACTED = re.compile(r"c\d{8}\.jsonl")
"""A compacted segment, named after the first manifest that lists it."""
HINT = re.compile(r"c?\d{8}\.hint")
"""The hint file of a segment; see `hints.py`."""


class Segment(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """One file of the journal: the operations `first` to `last`.

    The last segment of the list is the one that grows; all others are sealed: they
    never change again, and have `last`, `lines` and `size` in bytes. A compacted
    segment has gaps: operations that later ones made void are left out.
    """

    name: str
    first: int
    last: int | None = None
    lines: int | None = None
    size: int | None = None
    compacted: bool = False

    @property
    def sealed(self) -> bool:
        """True if the segment is full and never changes again."""
        return self.size is not None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The segments in the order of their operations.

    `next_ids` has, for each table, a number above all ids in the sealed segments: the
    lines that show them may be gone after compaction.
    """

    format: int = FORMAT
    next_ids: Mapping[str, int]
    segments: tuple[Segment, ...]
    crc: str | None = None


def manifest_name(number: int) -> str:
    """Return the file name of the manifest with this number."""
    return f"MANIFEST-{number:08}.json"


def segment_name(number: int) -> str:
    """Return the file name of the segment with this number."""
    return f"{number:08}.jsonl"


def compacted_name(number: int) -> str:
    """Return a compacted segment's file name, given the number of the first manifest
    that lists it."""
    return f"c{number:08}.jsonl"


def hint_name(segment: str) -> str:
    """Return the file name of a segment's hint file; the inverse of `segment_of`."""
    return segment.removesuffix(".jsonl") + ".hint"


def segment_of(hint: str) -> str:
    """Return the file name of the segment that a hint file belongs to."""
    return hint.removesuffix(".hint") + ".jsonl"


def manifest_numbers(names: Iterable[str]) -> list[int]:
    """Return the numbers of the manifests among some file names, ascending."""
    return sorted(int(m[1]) for name in names if (m := MANIFEST.fullmatch(name)))


def segment_number(name: str) -> int:
    """Return the number of a segment written by appending; 0 for any other name."""
    match = SEGMENT.fullmatch(name)
    return int(match[1]) if match else 0


def encode(manifest: Manifest) -> bytes:
    """Encode a manifest as JSON with a checksum."""
    return checksummed_json.dump(
        {
            "format": FORMAT,
            "next_ids": manifest.next_ids,
            "segments": manifest.segments,
        }
    )


def decode(data: bytes) -> Manifest:
    """Decode and verify a manifest. The ValueError it may raise says what is wrong and
    how to mend it."""
    manifest = checksummed_json.load(data, Manifest, FORMAT)
    problem = _problem(manifest.segments)
    if problem:
        raise ValueError(f"{problem}. Restore the folder from a backup.")
    return manifest


def _problem(segments: tuple[Segment, ...]) -> str:
    if not segments:
        return "it lists no segments"
    expected = 1
    for segment in segments:
        pattern = COMPACTED if segment.compacted else SEGMENT
        if not pattern.fullmatch(segment.name):
            return f"{segment.name!r} is not the name of a segment"
        if segment.first != expected:
            return f"{segment.name} begins with {segment.first}, not {expected}"
        if segment is segments[-1]:
            break
        if segment.last is None or segment.lines is None or segment.size is None:
            return f"{segment.name} is not sealed, but not the last one either"
        expected = segment.last + 1
    if segments[-1].sealed or segments[-1].compacted:
        return f"{segments[-1].name} is the last one and must not be sealed"
    if len({segment.name for segment in segments}) < len(segments):
        return "it lists a segment twice"
    return ""
