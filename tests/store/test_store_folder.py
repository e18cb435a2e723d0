"""The state folder: first start, one process, permissions, documents, backups."""

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.interfaces import IReactorFromThreads

from pexschedd.errors import StoreError
from pexschedd.store import checksummed_json
from pexschedd.store.journal.manifest import KEPT
from pexschedd.store.store import Store
from tests.store.store_support import (
    OTHER,
    ROOM,
    SETTING,
    TABLES,
    Opened,
    Room,
    Setting,
    files,
    must_not_fail,
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A closed state folder with one record in each kind of file."""
    opened = Opened(tmp_path / "state", version="1.2.3")
    opened.wait(opened.put(ROOM, Room(id=1, name="room")))
    opened.wait(opened.put(SETTING, Setting(id=1, name="setting")))
    opened.close()
    return tmp_path / "state"


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose_umask")
def test_only_the_owner_can_read(tmp_path: Path) -> None:
    """Folders 0700 and files 0600, whatever the umask is."""
    state = tmp_path / "new" / "state"
    opened = Opened(state)
    opened.wait(opened.put(SETTING, Setting(id=1, name="a")))
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.wait(opened.store.roll())
    opened.close()
    for path in [state.parent, state, *state.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_one_process_at_a_time(state: Path) -> None:
    """A second opening is refused, naming the first one; after close it is welcome."""
    opened = Opened(state)
    with pytest.raises(StoreError, match=f"in use by process {os.getpid()}"):
        Opened(state)
    opened.close()
    Opened(state).close()


def test_a_refused_start_leaves_no_lock(state: Path) -> None:
    """After the cause is mended the folder can be opened by the same process."""
    content = (state / "settings.json").read_bytes()
    (state / "settings.json").write_bytes(b"{")
    with pytest.raises(StoreError):
        Opened(state)
    (state / "settings.json").write_bytes(content)
    Opened(state).close()


def test_a_newer_format_is_refused(state: Path) -> None:
    """An older program does not touch what a newer one wrote."""
    path = state / "format.json"
    path.write_bytes(b'{"format": 2, "something": "new"}')
    with pytest.raises(StoreError, match=r"format 2, and this version knows formats"):
        Opened(state)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["passwd"], "'passwd' is in it. Use a folder of its own"),
        (["sub/file"], "'sub' is in it"),
        (["LOCK", "instance-id", "secret.key"], "'instance-id' is in it"),
        (["journal/00000001.jsonl"], "format.json is missing, but there is data"),
        (["package.json"], "format.json is missing, but there is data"),
        ([".bashrc"], "'.theirs.tmp' is in it"),
        (["format.json"], "format.json: line 1: not JSON"),
    ],
)
def test_a_folder_of_others_is_left_alone(
    tmp_path: Path, names: list[str], why: str
) -> None:
    """No lock, if it does not look like ours, no key, and not even what looks like a
    temporary file of ours goes."""
    for name in (*names, ".theirs.tmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("theirs")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match=why):
        Opened(tmp_path)
    if "format.json" in names:
        before.add(tmp_path / "LOCK")
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
    assert {path.read_text() for path in before - {tmp_path / "LOCK"}} == {"theirs"}


def test_a_first_start_may_have_been_killed(tmp_path: Path) -> None:
    """Its remains are no reason to refuse, nor are files that programs leave in the
    home of a service's user, or those at the top of a file system of its own."""
    left = ("LOCK", ".secret.key.tmp", ".format.json.tmp")
    for name in (*left, ".bash_history", "twistd.pid"):
        (tmp_path / name).write_text("")
    (tmp_path / "lost+found").mkdir()
    Opened(tmp_path).close()
    assert not list(tmp_path.glob("*.tmp"))


def test_unreadable_folders_are_a_clear_error(tmp_path: Path) -> None:
    """What the system refuses is a StoreError that names the folder."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StoreError, match=f"cannot open {tmp_path}/state: "):
        Opened(tmp_path / "state")


def test_loose_permissions_of_the_key_are_refused(state: Path) -> None:
    """A key that others may read is no secret; the message says what to do."""
    key = state / "secret.key"
    key.chmod(0o640)
    with pytest.raises(StoreError, match=r"has mode 0640.*chmod 600"):
        Opened(state)
    key.chmod(0o400)
    Opened(state).close()


@pytest.mark.parametrize("key", ["ab" * 32, "", "x" * 64, "ab" * 31])
def test_another_key_is_refused(state: Path, key: str) -> None:
    """The data is not opened with a key that does not open its secrets, and the
    message does not show the key."""
    path = state / "secret.key"
    path.write_text(key)
    with pytest.raises(StoreError, match=r"[Rr]estore") as caught:
        Opened(state)
    assert str(path) in str(caught.value)
    assert not key or key not in str(caught.value)


def test_secrets_are_in_no_file_in_clear(tmp_path: Path) -> None:
    """A sealed secret survives a restart and is found in none of the files."""
    state = tmp_path / "state"
    opened = Opened(state)
    sealed = opened.store.vault.seal("correct horse", "setting/1/secret")
    opened.wait(opened.put(SETTING, Setting(id=1, name="a", secret=sealed)))
    opened.wait(opened.put(ROOM, Room(id=1, name=sealed)))
    opened.close()
    for path in files(state):
        assert b"correct horse" not in path.read_bytes()
    opened = Opened(state)
    setting = opened.store.get(SETTING, 1)
    assert setting is not None
    assert opened.store.vault.unseal(setting.secret, "setting/1/secret") == (
        "correct horse"
    )
    opened.close()


def test_a_new_document_joins_an_old_folder(tmp_path: Path) -> None:
    """A release with one more document starts with it empty, and then insists on it."""
    state = tmp_path / "state"
    Opened(state, [table for table in TABLES if table is not OTHER]).close()
    assert not (state / "others.json").exists()
    Opened(state).close()
    (state / "others.json").unlink()
    with pytest.raises(StoreError, match=r"others.json is missing") as caught:
        Opened(state)
    remedy = re.findall(r"write (\{.*\}) to it", str(caught.value))[0]
    (state / "others.json").write_text(remedy)
    Opened(state).close()


def _without_crc(text: str) -> str:
    return re.sub(r'  "crc": .*\n', "", text)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t, ""),
        (_without_crc, ""),
        (lambda t: _without_crc(t).replace('"setting",', '"edited",', 1), ""),
        (lambda t: t.replace('"v": 1', '"v":  1'), "line 2: the checksum.*delete"),
        (lambda t: t.replace("  ", " "), "line 2: the checksum"),
        (lambda t: t.replace('"crc"', '"Crc"'), "field `Crc`"),
        (lambda t: _without_crc(t).replace("]", "", 1), "line 6: not JSON"),
        (lambda t: _without_crc(t).replace('"name"', '"nam"'), "record 1: .*`nam"),
        (lambda t: _without_crc(t).replace('"next_id"', '"next"'), "`next`"),
        (lambda t: _without_crc(t).replace('"label"', '"lable"'), "'lable' is unkn"),
        (lambda t: _without_crc(t).replace('"label"', '"setting"'), "'setting'.*twice"),
        (
            lambda t: _without_crc(t).replace('"secret"', '"name"'),
            "'name' occurs twice",
        ),
        (
            lambda t: _without_crc(t).replace('_id": 2', f'_id": {2**40}'),
            "next_id must",
        ),
        (lambda t: _without_crc(t).replace('"id": 1', '"id": 0'), "from 1 to"),
        (lambda t: _without_crc(t).replace('"id": 1', '"id": "x"'), "Expected `int`"),
        (lambda t: "[]", "line 1: not a JSON object"),
        (lambda t: "", "line 1: not JSON"),
        (lambda t: '{"format": 1, "tables": {}, "x": 1}', "field `x`"),
    ],
)
def test_documents_can_be_edited_by_hand(
    state: Path, edit: Callable[[str], str], message: str
) -> None:
    """Without the checksum line a sound document is accepted; everything else is
    refused with file, place and remedy."""
    path = state / "settings.json"
    path.write_text(edit(path.read_text()))
    if message:
        with pytest.raises(StoreError, match=message) as caught:
            Opened(state)
        assert str(path) in str(caught.value)
    else:
        opened = Opened(state)
        opened.wait(opened.put(SETTING, Setting(id=2, name="more")))
        assert opened.store.ids(SETTING) == [1, 2]
        opened.close()
        Opened(state).close()


def test_doubled_ids_are_refused(state: Path) -> None:
    """Copying a record by hand and forgetting its id is noticed."""
    path = state / "settings.json"
    record = '{"id": 1, "name": "a", "secret": ""}'
    table = f'{{"next_id": 2, "v": 1, "records": [{record}, {record}]}}'
    path.write_text(f'{{"format": 1, "tables": {{"setting": {table}}}}}')
    with pytest.raises(StoreError, match="record 2: there is another one with id 1"):
        Opened(state)


def test_ids_that_a_person_gave_are_not_given_again(state: Path) -> None:
    """Whoever adds a record by hand need not know what `next_id` is."""
    path = state / "settings.json"
    record = '{"id": 9, "name": "a", "secret": ""}'
    table = f'{{"next_id": 2, "v": 1, "records": [{record}]}}'
    path.write_text(f'{{"format": 1, "tables": {{"setting": {table}}}}}')
    opened = Opened(state)
    assert opened.store.transaction().new_id(SETTING) == 10
    opened.close()


def test_documents_are_for_people(state: Path) -> None:
    """Pretty-printed, keys sorted, the checksum in a line of its own."""
    text = (state / "settings.json").read_text()
    assert text == (
        '{\n  "crc": "' + text[12:20] + '",\n  "format": 1,\n  "tables": {\n'
        '    "label": {\n      "next_id": 1,\n      "records": [],\n      "v": 1\n'
        '    },\n    "setting": {\n      "next_id": 2,\n      "records": [\n'
        '        {\n          "id": 1,\n          "name": "setting",\n'
        '          "secret": ""\n        }\n      ],\n      "v": 1\n    }\n  }\n}\n'
    )
    assert checksummed_json.load(text.encode(), dict, 1)["format"] == 1


@pytest.mark.parametrize("order", [False, True], ids=["sorted", "reversed"])
def test_a_backup_is_a_copy_file_by_file(tmp_path: Path, order: bool) -> None:
    """Copied while transactions and rolls go on, in whatever order: the copy opens and
    has everything that was acknowledged before, and a beginning of what came later."""
    state = tmp_path / "state"
    opened = Opened(state, segment_size=150)
    count = 0

    def write() -> None:
        nonlocal count
        for _ in range(2):
            count += 1
            opened.wait(opened.put(ROOM, Room(id=count, name=f"room {count}")))
        opened.wait(opened.put(SETTING, Setting(id=1, name=f"{count}")))

    for number in range(4):
        write()
        before = count
        copy = tmp_path / f"copy{number}"
        listed = [path for path in state.rglob("*") if path.is_file()]
        for position, path in enumerate(sorted(listed, reverse=order)):
            target = copy / path.relative_to(state)
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # an old manifest that went
                shutil.copy2(path, target)
            if position % 4 == 0 and position < 4 * (KEPT - 1):
                write()
        restored = Opened(copy)
        ids = restored.store.ids(ROOM)
        assert ids == list(range(1, len(ids) + 1))
        assert before <= len(ids) <= count
        setting = restored.store.get(SETTING, 1)
        assert setting is not None
        assert before <= int(setting.name) <= count
        restored.wait(restored.put(ROOM, Room(id=len(ids) + 1, name="after")))
        restored.close()
        Opened(copy).close()
    opened.close()


@pytest_twisted.ensureDeferred
async def test_the_real_reactor_is_told(tmp_path: Path) -> None:
    """Commits, rolls and close fire on the reactor that was handed in."""
    from twisted.internet import reactor  # noqa: PLC0415 - installed by the plugin

    store = Store.open(
        tmp_path / "state",
        TABLES,
        reactor=IReactorFromThreads(reactor),
        failed=must_not_fail,
        segment_size=1000,
    )
    waiting = []
    for _ in range(100):
        with store.transaction() as transaction:
            id = transaction.new_id(ROOM)
            transaction.put(ROOM, Room(id=id, name="x"))
            waiting.append(transaction.commit())
        if id % 10 == 0:
            for durable in waiting:
                await durable
            waiting.clear()
    await store.close()
    opened = Opened(tmp_path / "state")
    assert opened.store.count(ROOM) == 100
    opened.close()
