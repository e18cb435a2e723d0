"""The store's tools know the users of personal rooms, and which rooms are scheduled."""

import io
import shutil
from pathlib import Path

import pytest_twisted
from twisted.internet import reactor

from pexschedd.model import tables
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.store_command import run
from tests.personal.personal_support import USER, Personal


async def tool(state: Path, *arguments: str) -> str:
    """What `pexschedd-store` prints; it has to find all in order."""
    out, err = io.StringIO(), io.StringIO()
    command = ["--state-dir", str(state), *arguments]
    assert await run(command, out, err, reactor) == ExitStatus.DONE, err.getvalue()
    return out.getvalue()


@pytest_twisted.ensureDeferred
async def test_users_are_verified_exported_and_restored(tmp_path: Path) -> None:
    """Users, and the mark of scheduled rooms, come back from a backup."""
    state = tmp_path / "state"
    personal = Personal(state)
    await personal.put(tables.END_USER, USER)
    await personal.room("Mine", "mine@example.com")
    await personal.room("Meeting", "m@example.com", is_scheduled=True)
    await personal.store.close()
    await tool(state, "verify")
    assert USER.exchange_user_id in await tool(state, "export")
    await tool(state, "backup", str(tmp_path / "copy"))
    shutil.rmtree(state)
    (tmp_path / "copy").rename(state)
    await tool(state, "verify")
    restored = Personal(state)
    assert restored.users.of_token(USER.exchange_user_id) == USER
    assert restored.names() == ["Mine"]
    await restored.store.close()
