"""Other people's servers as peers: private, on loopback, ended by their id."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread

SEARCH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
"""Where Debian puts servers, also for people who are not root."""

UNPRIVILEGED = "www-data"

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def missing(commands: Sequence[str], files: Sequence[str] = ()) -> list[str]:
    """What of all this is not installed."""
    return [
        *(each for each in commands if shutil.which(each, path=SEARCH) is None),
        *(each for each in files if not Path(each).exists()),
    ]


def command(name: str) -> str:
    found = shutil.which(name, path=SEARCH)
    assert found is not None, name
    return found


def new_folder(name: str) -> Path:
    """One that servers can read that give up being root."""
    folder = Path(tempfile.mkdtemp(prefix=f"pexschedd-{name}-"))
    folder.chmod(0o755)
    return folder


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [command(arguments[0]), *arguments[1:]],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
        text=True,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


class Server:
    """A process that says on its standard error when it is ready."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        ready: str,
        *,
        ahead: str = "",
    ) -> None:
        """Its clock may be ahead, by what faketime understands, as "+10m"."""
        shift = {"LD_PRELOAD": FAKETIME, "FAKETIME": ahead} if ahead else {}
        self._process = subprocess.Popen(
            [command(arguments[0]), *arguments[1:]],
            env={**os.environ, **environment, **shift},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        heard = []
        for line in self._process.stderr:
            heard.append(line)
            if ready in line:
                break
        else:
            raise AssertionError(f"{arguments[0]} did not start: {''.join(heard)}")
        self._said: list[str] = []
        # Without a reader, a server stops where its log fills the pipe.
        self._reader = Thread(
            target=self._said.extend, args=[self._process.stderr], daemon=True
        )
        self._reader.start()

    def stop(self) -> str:
        """What it has said since."""
        self._process.terminate()
        self._process.wait(timeout=20)
        self._reader.join(timeout=20)
        assert self._process.stderr is not None
        self._process.stderr.close()
        return "".join(self._said)
