"""The control socket: one order, its progress, its end; for the right users only."""

import os
import stat
from collections.abc import AsyncIterator, Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from pexschedd.config import Config
from pexschedd.control.protocol import (
    BackupOrder,
    Event,
    Finished,
    MaintenanceOrder,
    Note,
    Order,
    Progress,
    RecoveryOrder,
)
from pexschedd.control.socket import (
    OPEN_AGAIN,
    ControlFailed,
    ControlSocket,
    NoDaemon,
    ask_daemon,
)
from pexschedd.errors import StoreError
from pexschedd.scheduling.upkeep.progress import ProgressListener
from pexschedd.tools import command
from pexschedd.tools.arguments import ToolArguments
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.util.access import user_name
from pexschedd.util.stop_signal import StopSignal
from tests.turns import some_turns, until

reactor: Any = _reactor


class FakeExecutor:
    """An executor that does what the test says."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.result = Finished(integrations=1, counts={"done": 1})
        self.hold: Deferred[None] | None = None
        self.stop = StopSignal()

    async def run(
        self, order: Order, say: ProgressListener, stop: StopSignal
    ) -> Finished:
        self.orders.append(order)
        self.stop = stop
        say.note("begun")
        say.progress("working", 2, 2)
        if self.hold is not None:
            await self.hold
        return self.result


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest_twisted.async_yield_fixture()
async def folder(tmp_path: Path, executor: FakeExecutor) -> AsyncIterator[Path]:
    (tmp_path / "control").write_text("left behind by a killed daemon")
    service = ControlSocket(tmp_path, executor, reactor)
    service.startService()
    yield tmp_path
    await service.stopService()


@pytest_twisted.ensureDeferred
async def test_an_order_and_what_comes_of_it(
    folder: Path, executor: FakeExecutor
) -> None:
    """The daemon gets the whole order; the tool hears everything, in order; nobody but
    the owner may open the socket."""
    heard: list[Event] = []
    order = RecoveryOrder(exchange_connector_id=3, update_message="<b>ü</b>")
    finished = await ask_daemon(folder, order, heard.append, reactor)
    assert executor.orders == [order]
    assert heard == [Note("begun"), Progress("working", 2, 2)]
    assert finished == executor.result
    assert stat.S_IMODE((folder / "control").stat().st_mode) == 0o600


@pytest_twisted.ensureDeferred
async def test_a_tool_that_goes_away_stops_its_run(
    folder: Path, executor: FakeExecutor
) -> None:
    """The work is told to end at its next safe place."""
    executor.hold = Deferred()
    endpoint = UNIXClientEndpoint(reactor, os.fspath(folder / "control"))
    protocol: Any = await endpoint.connect(Factory.forProtocol(Protocol))
    protocol.transport.write(b'{"type":"maintenance"}\n')
    await some_turns()
    assert executor.orders == [MaintenanceOrder()]
    assert not executor.stop.is_set
    protocol.transport.loseConnection()
    await some_turns()
    assert executor.stop.is_set
    executor.hold.callback(None)


@pytest_twisted.ensureDeferred
async def test_a_daemon_that_stops(tmp_path: Path, executor: FakeExecutor) -> None:
    """The runs of tools that are connected are told to end."""
    service = ControlSocket(tmp_path, executor, reactor)
    service.startService()
    executor.hold = Deferred()
    ordered = Deferred.fromCoroutine(
        ask_daemon(tmp_path, MaintenanceOrder(), lambda event: None, reactor)
    )
    await until(lambda: bool(executor.orders))
    assert not executor.stop.is_set
    await service.stopService()
    assert executor.stop.is_set
    executor.hold.callback(None)
    assert await ordered == executor.result


@pytest_twisted.ensureDeferred
async def test_a_tool_that_cannot_say_what_it_hears(
    folder: Path, executor: FakeExecutor
) -> None:
    """Because nobody reads it any more: that is what has gone wrong, not the daemon;
    and the run is told to end."""
    executor.hold = Deferred()

    def heard(event: Event) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await ask_daemon(folder, MaintenanceOrder(), heard, reactor)
    await some_turns()
    assert executor.stop.is_set
    executor.hold.callback(None)


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b'{"type":"destroy"}',
        b'{"type":"recovery","time_limit":7.5}',
        b'{"type":"backup","to":"\xff"}',
        b'{"x":' * 20_000,
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_no_order_is_refused(
    folder: Path, executor: FakeExecutor, line: bytes
) -> None:
    """With a sentence; nothing is run."""
    got: list[bytes] = []

    class Ear(Protocol):
        def dataReceived(self, data: bytes) -> None:
            got.append(data)

    endpoint = UNIXClientEndpoint(reactor, os.fspath(folder / "control"))
    protocol: Any = await endpoint.connect(Factory.forProtocol(Ear))
    protocol.transport.write(line + b"\n")
    await some_turns()
    assert b"cannot be understood" in b"".join(got)
    assert not executor.orders


@pytest_twisted.ensureDeferred
async def test_nobody_there(tmp_path: Path) -> None:
    """No socket, or one that nobody listens on: no daemon is running."""
    with pytest.raises(NoDaemon):
        await ask_daemon(tmp_path, MaintenanceOrder(), lambda _: None, reactor)
    (tmp_path / "control").touch()
    with pytest.raises(NoDaemon):
        await ask_daemon(tmp_path, MaintenanceOrder(), lambda _: None, reactor)


class Sockets(Clock):
    """A clock that opens real sockets."""

    listenUNIX = staticmethod(reactor.listenUNIX)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # Twisted's own
@pytest_twisted.ensureDeferred
async def test_what_is_in_the_way_of_the_socket(
    tmp_path: Path, executor: FakeExecutor
) -> None:
    """The daemon says so and goes on without."""
    (tmp_path / "control" / "theirs").mkdir(parents=True)
    clock = Sockets()
    service = ControlSocket(tmp_path, executor, clock)
    service.startService()
    await service.stopService()
    assert clock.getDelayedCalls() == []
    assert (tmp_path / "control" / "theirs").exists()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # Twisted's own
@pytest_twisted.ensureDeferred
async def test_a_socket_that_could_not_be_opened(
    tmp_path: Path, executor: FakeExecutor
) -> None:
    """It is tried again, as when the disk was full at the start; the log has one line
    for the first failure, and one for its end."""
    in_the_way = tmp_path / "control" / "theirs"
    in_the_way.mkdir(parents=True)
    clock = Sockets()
    service = ControlSocket(tmp_path, executor, clock)
    with capturedLogs() as events:
        service.startService()
        clock.advance(OPEN_AGAIN)
        in_the_way.rmdir()
        in_the_way.parent.rmdir()
        clock.advance(OPEN_AGAIN)
        await ask_daemon(tmp_path, RecoveryOrder(), lambda _: None, reactor)
    assert executor.orders == [RecoveryOrder()]
    said = [e["log_format"] for e in events if "control socket" in e["log_format"]]
    assert [each.partition(" path")[0] for each in said] == [
        "control socket not opened, tools cannot reach this daemon",
        "control socket opened",
    ]
    await service.stopService()


@pytest_twisted.ensureDeferred
async def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    """Said at once, without a traceback: nobody can listen there."""
    state = tmp_path / ("x" * 120)
    state.mkdir()
    with pytest.raises(NoDaemon, match="too long"):
        await ask_daemon(state, MaintenanceOrder(), lambda _: None, reactor)


@pytest_twisted.ensureDeferred
async def test_an_order_that_is_no_text(folder: Path, executor: FakeExecutor) -> None:
    """What a terminal of another encoding has sent is refused, whether or not there is
    a daemon: nobody waits for ever for an answer to what could not be said."""
    order = BackupOrder(to="/backup/\udcff")
    with pytest.raises(ControlFailed, match="not UTF-8"):
        await ask_daemon(folder, order, lambda _: None, reactor)
    assert executor.orders == []


@pytest_twisted.ensureDeferred
async def test_a_daemon_that_dies_is_noticed(
    tmp_path: Path, executor: FakeExecutor
) -> None:
    """The tool does not wait for ever, and says what happened."""
    endpoint = Factory.forProtocol(Dying)
    port = reactor.listenUNIX(os.fspath(tmp_path / "control"), endpoint)
    with pytest.raises(ControlFailed):
        await ask_daemon(tmp_path, MaintenanceOrder(), lambda _: None, reactor)
    await port.stopListening()


class Dying(Protocol):
    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


def config_file(folder: Path) -> Path:
    path = folder / "config.json"
    path.write_text(
        '{"state_dir": ".", "endpoints": {"addin": ["tcp:1"], "admin": ["tcp:2"]}}'
    )
    return path


async def nobody(
    config: Config, order: Order, show: Callable[[Event], None], reactor: Any
) -> Finished:
    raise StoreError("the state folder is in use")


@pytest.mark.parametrize(
    ("result", "status", "words"),
    [
        (Finished(integrations=1, counts={"deleted": 3}), 0, "deleted: 3"),
        (Finished(integrations=1, failures=1, reasons=("oh",)), 1, "oh"),
        (Finished(refused="There is no integration 7."), 2, "no integration 7"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_exit_status(
    folder: Path, executor: FakeExecutor, result: Finished, status: int, words: str
) -> None:
    """0: all done; 1: something failed; 2: the order makes no sense."""
    executor.result = result
    out, err = StringIO(), StringIO()
    asked = ToolArguments(config_file(folder), MaintenanceOrder())
    assert await command.run(asked, reactor, out, err, fallback=nobody) == status
    assert words in (err if status == 2 else out).getvalue()


@pytest_twisted.ensureDeferred
async def test_without_a_daemon(tmp_path: Path) -> None:
    """The tool works alone; what is in its way is told, and fails. A configuration
    that cannot be read is a wrong command line."""
    out, err = StringIO(), StringIO()
    asked = ToolArguments(config_file(tmp_path), MaintenanceOrder())
    assert (
        await command.run(asked, reactor, out, err, fallback=nobody)
        == ExitStatus.UNAVAILABLE
    )
    assert "in use" in err.getvalue()
    asked = ToolArguments(tmp_path / "nothing.json", MaintenanceOrder())
    assert (
        await command.run(asked, reactor, out, err, fallback=nobody)
        == ExitStatus.CONFIG
    )
    assert "cannot be read" in err.getvalue()


def test_no_state_folder_is_begun(tmp_path: Path) -> None:
    """A wrong configuration must not become a new, empty installation."""
    with pytest.raises(StoreError, match="no state of a daemon"):
        command.become_owner(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="no state of a daemon"):
        command.become_owner(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_folder_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may not even look into it is told who may, not that nothing is there."""
    somebody = tmp_path.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    owner = user_name(tmp_path.stat().st_uid)
    users = "root" if owner == "root" else f"root or as {owner}"
    with pytest.raises(StoreError, match=rf"another user: run this as {users}\.$"):
        command.become_owner(tmp_path)
