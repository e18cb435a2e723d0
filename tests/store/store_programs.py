"""Processes with a store, which end in the middle of their work.

Programs of `tests.forked`; the first argument of each is a state folder, or the file of
a configuration. They print what was acknowledged, a line for each.
"""

import resource
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred

from pexschedd import config
from pexschedd.clock import system_now
from pexschedd.errors import StoreError
from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.tap import Daemon
from tests.store.store_support import ROOM, SETTING, VISIT, Opened, Room, Setting

KILLED = "tests.store.store_programs:write_for_ever"
LIMITED = "tests.store.store_programs:write_up_to_a_limit"
DAEMON = "tests.store.store_programs:serve_up_to_a_limit"

reactor: Any = _reactor
"""Typed as a module, which it is not."""


def write_for_ever() -> None:
    """Commit transactions and a document; the second argument is how many records are
    kept in memory."""
    opened = Opened(Path(sys.argv[1]), segment_size=4000, kept=int(sys.argv[2]))
    _tell("open")
    while True:
        done = []
        for _ in range(5):
            with opened.store.transaction() as transaction:
                id = transaction.new_id(ROOM)
                transaction.put(ROOM, Room(id=id, name="x" * 40))
                transaction.put(VISIT, Room(id=id, name="y"))
                transaction.delete(VISIT, id - 1)
                done.append((id, transaction.commit()))
        setting = opened.put(SETTING, Setting(id=1, name=str(id)))
        for id, commit in done:
            opened.wait(commit)
            _tell(id)
        opened.wait(setting)
        _tell("setting", id)


def write_up_to_a_limit() -> None:
    """Commit records until the system takes no more of a file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    opened = Opened(Path(sys.argv[1]), failed=lambda error: _tell("failed"))
    try:
        for id in range(1, 1000):
            opened.wait(opened.put(ROOM, Room(id=id, name="x" * 50)))
            _tell(id)
    except StoreError:
        opened.close()


def serve_up_to_a_limit() -> None:
    """Run a daemon that fills its disk, until the system takes no more of a file."""
    daemon = Daemon(config.load(Path(sys.argv[1])), reactor=reactor, now=system_now)
    daemon.startService()
    reactor.addSystemEventTrigger("before", "shutdown", daemon.stopService)

    async def put() -> None:
        while True:
            with daemon.store.transaction() as change:
                id = change.new_id(tables.CONFERENCE)
                room = Conference(id=id, name="x" * 50_000 + str(id))
                change.put(tables.CONFERENCE, room)
                durable = change.commit()
            await durable
            _tell(id)

    # More than the reserve file has.
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))
    Deferred.fromCoroutine(put()).addErrback(lambda failure: None)
    reactor.run()


def _tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()
