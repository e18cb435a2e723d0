"""The first administrator: a password made or given, and let in again by the tool."""

from pathlib import Path

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from pexschedd.errors import ConfigError
from pexschedd.identity.first_administrator import change_password, first_administrator
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import RoleLevel
from tests.identity.administrators_support import World


@pytest_twisted.ensureDeferred
async def test_first_administrator_gets_a_random_password(
    world: World, tmp_path: Path
) -> None:
    """The password is in a file for its owner only; the log names the file alone."""
    said: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        said.append(str(event))

    globalLogPublisher.addObserver(observe)
    try:
        await first_administrator(world.administrators, tmp_path)
    finally:
        globalLogPublisher.removeObserver(observe)
    file = tmp_path / "initial-admin-password"
    password = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(password) >= 20
    await world.administrators.authenticate("admin", password)
    assert any(str(file) in line for line in said)
    assert not any(password in line for line in said)
    # A second start changes nothing.
    file.unlink()
    await first_administrator(world.administrators, tmp_path)
    assert not file.exists()


@pytest_twisted.ensureDeferred
async def test_first_administrator_with_a_given_password(
    world: World, tmp_path: Path
) -> None:
    """The first line of the file is the password, and no other file is written."""
    given = tmp_path / "secret"
    given.write_text("given password\n")
    await first_administrator(world.administrators, tmp_path, given)
    await world.administrators.authenticate("admin", "given password")
    assert not (tmp_path / "initial-admin-password").exists()


@pytest.mark.parametrize("name", ["initial-admin-password", "folder/../secret"])
@pytest_twisted.ensureDeferred
async def test_a_file_that_is_named_in_the_configuration_stays(
    world: World, tmp_path: Path, name: str
) -> None:
    """Without it the daemon would not start again; what was left goes."""
    (tmp_path / "folder").mkdir()
    given, left = tmp_path / name, tmp_path / "initial-admin-password"
    left.write_text("the first one\n")
    given.write_text("the first one\n")
    await change_password(world.administrators, tmp_path, "the second one", given)
    await world.administrators.authenticate("admin", "the second one")
    assert given.exists()
    assert left.exists() == (given == left)


@pytest_twisted.ensureDeferred
async def test_the_tool_lets_the_first_administrator_in_again(
    world: World, tmp_path: Path
) -> None:
    """People who run the machine are not shut out: `admin` has all rights again, and is
    made again if it was deleted; others stay as they are."""
    administrators = world.administrators
    await first_administrator(administrators, tmp_path)
    (admin,) = world.store.all(tables.ADMINISTRATOR)
    other = replace(admin, id=2, name="anna")
    with world.store.transaction() as transaction:
        transaction.put(tables.ADMINISTRATOR, replace(admin, role=1))
        transaction.put(tables.ADMINISTRATOR, other)
        await transaction.commit()
    await change_password(administrators, tmp_path, "the second one")
    found = await administrators.authenticate("admin", "the second one")
    assert found.level is RoleLevel.FULL
    with world.store.transaction() as transaction:
        transaction.delete(tables.ADMINISTRATOR, admin.id)
        await transaction.commit()
    await change_password(administrators, tmp_path, "the third one")
    found = await administrators.authenticate("admin", "the third one")
    assert found.level is RoleLevel.FULL
    assert world.store.get(tables.ADMINISTRATOR, 2) == other
    first, changed, made = world.store.all(tables.CONFIGURATION_CHANGE)
    assert first.administrator == "schedulingservice"
    assert changed.administrator == made.administrator == "pexschedd-password"
    assert [(c.field, c.new) for c in changed.changes] == [
        ("password", "changed"),
        ("role", 3),
    ]


@pytest.mark.parametrize("content", [None, b"", b"\n", b"short\n", b"\xff\xfe"])
@pytest_twisted.ensureDeferred
async def test_unusable_password_file(
    world: World, tmp_path: Path, content: bytes | None
) -> None:
    """A file that gives no password is named, and nobody is created."""
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        await first_administrator(world.administrators, tmp_path, file)
    assert str(file) in caught.value.message
    assert not world.administrators.exist()
