"""What older releases wrote is read for ever; what newer ones wrote is refused."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pexschedd.errors import StoreNewer
from pexschedd.model.tables import TABLES
from pexschedd.store import checksummed_json
from pexschedd.store.folder import FORMAT
from pexschedd.store.journal import line
from tests.store.golden_maker import GOLDEN
from tests.store.store_reader import read_folder
from tests.store.store_support import (
    ROOM,
    SETTING,
    VISIT,
    Opened,
    Room,
    Setting,
    files,
)

pytestmark = pytest.mark.usefixtures("kept")

FORMATS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())


def _copy(name: str, to: Path) -> Path:
    """A golden folder with the permissions that a repository does not keep."""
    shutil.copytree(GOLDEN / name, to)
    for path in [to, *to.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return to


def _plain(record: Any) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    return plain


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ever_released_is_read(name: str, tmp_path: Path) -> None:
    """Each record of the golden folder has the values that were stored; it can be
    written, compacted, and opened again."""
    state = _copy(name, tmp_path / "state")
    expected = msgspec.json.decode((GOLDEN / f"{name}.expected.json").read_bytes())
    for _ in range(2):
        opened = Opened(state, list(TABLES), version="0.1.0")
        for table in TABLES:
            stored = expected.get(table.name, [])
            found = [_plain(record) for record in opened.store.all(table)]
            assert len(found) == len(stored), table.name
            for record, wanted in zip(found, stored, strict=True):
                assert {key: record.get(key) for key in wanted} == wanted
        for table in TABLES:
            for record in opened.store.all(table):
                opened.wait(opened.put(table, record))
        opened.compact()
        opened.close()


def test_the_golden_folder_has_every_table() -> None:
    """So that no kind of record is left out of the promise."""
    expected = msgspec.json.decode((GOLDEN / "format-1.expected.json").read_bytes())
    assert len(expected) >= 15
    assert all(expected.values())
    assert set(expected) <= {table.name for table in TABLES}


@pytest.mark.parametrize("name", FORMATS)
def test_a_reader_made_from_the_document_reads_it(name: str) -> None:
    """docs/store.md says enough to get at all data without the product."""
    expected = msgspec.json.decode((GOLDEN / f"{name}.expected.json").read_bytes())
    tables = read_folder(GOLDEN / name)
    for table, records in expected.items():
        read = tables[table]
        assert sorted(read) == [record["id"] for record in records]
        for record in records:
            stored = read[record["id"]]
            assert {key: record[key] for key in stored} == stored


def test_the_reader_agrees_with_the_store(tmp_path: Path) -> None:
    """Also about transactions, deletions, rolls and compaction."""
    opened = Opened(tmp_path / "state", segment_size=400)
    for number in range(1, 40):
        opened.wait(
            opened.put(ROOM, Room(id=number % 7 + 1, name="a"), Room(id=9, name="b"))
        )
        opened.wait(opened.put(VISIT, Room(id=number, name="v")))
        opened.wait(opened.delete(VISIT, number - 3))
        if number == 20:
            opened.compact()
    opened.wait(opened.put(SETTING, Setting(id=1, name="s")))
    content = opened.content()
    opened.close()
    tables = read_folder(tmp_path / "state")
    for name, records in content.items():
        assert sorted(tables.get(name, {})) == sorted(records)
        for id, record in records.items():
            assert tables[name][id].items() <= msgspec.to_builtins(record).items()


def _newer_format(state: Path) -> None:
    _rewrite(state / "format.json", {"format": FORMAT + 1})


def _newer_manifest(state: Path) -> None:
    _rewrite(max((state / "journal").glob("MANIFEST*")), {"format": FORMAT + 1})


def _newer_document(state: Path) -> None:
    table = {"next_id": 2, "v": 2, "records": [{"id": 1, "novel": 1}]}
    _rewrite(state / "settings.json", {"tables": {"setting": table}})


def _newer_format_of_a_document(state: Path) -> None:
    _rewrite(state / "settings.json", {"format": FORMAT + 1})


def _newer_record(state: Path) -> None:
    with (state / "journal" / "00000001.jsonl").open("ab") as file:
        file.write(line.put(2, None, "room", 5, 2, b'{"id":5}'))


def _newer_table(state: Path) -> None:
    with (state / "journal" / "00000001.jsonl").open("ab") as file:
        file.write(line.put(2, None, "novel", 5, 1, b'{"id":5}'))


def _rewrite(path: Path, change: dict[str, Any]) -> None:
    content = msgspec.json.decode(path.read_bytes()) | change
    del content["crc"]
    path.write_bytes(checksummed_json.dump(content))


TOO_OLD = r"last written by 3\.0; this is 2\.0\. Install 3\.0 or a later release\.$"


@pytest.mark.parametrize(
    "write",
    [
        _newer_format,
        _newer_manifest,
        _newer_document,
        _newer_format_of_a_document,
        _newer_record,
        _newer_table,
    ],
)
def test_a_newer_store_is_refused_naming_both_versions(
    tmp_path: Path, write: Any
) -> None:
    """An older release says which one wrote the folder and which one it is, and does
    not change a byte."""
    state = tmp_path / "state"
    opened = Opened(state, version="3.0")
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.wait(opened.put(SETTING, Setting(id=1, name="a")))
    opened.close()
    write(state)
    before = {path: path.read_bytes() for path in files(state)}
    with pytest.raises(StoreNewer, match=TOO_OLD) as e:
        Opened(state, version="2.0")
    assert str(state) in str(e.value)
    assert {path: path.read_bytes() for path in files(state)} == before
