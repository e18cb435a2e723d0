"""The refusal of files that other users may read or change.

The rules, for each file that the configuration names and that holds a secret:

- it belongs to the daemon's user or to root;
- only its owner may write it;
- others may not read it, and its group only if it belongs to root: `root:pexschedd`
  with mode 0640 is how packages hand a secret to a daemon.

What is no secret, but decides whom the daemon trusts, the configuration file and
`ca_file`, must not be writable by others, nor by a group other than root's. The state
folder must be writable by its owner only. If others may enter it, what is in it must be
closed to them.
"""

import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote

from pexschedd.config import Config
from pexschedd.errors import StoreError
from pexschedd.net.endpoint_strings import parse_endpoint
from pexschedd.store.folder import INFO, refuse_others
from pexschedd.util.access import is_foreign, user_name

_WRITE = 0o022
_ENTER = 0o011
_FIRST_PERSON = 1000
"""The lowest user id that is not a service's, by default in Debian and elsewhere."""


def permission_problems(config: Config, file: Path, user: int) -> Iterator[str]:
    """Yield what is wrong with the permissions of the configuration file `file`, and of
    what it names: each with the command that mends it. `user` is the process's."""
    yield from _open_to_others("the configuration file", file, user, secret=False)
    if config.ca_file is not None:
        yield from _open_to_others("ca_file", config.ca_file, user, secret=False)
    for name, path in _secrets(config):
        yield from _open_to_others(name, path, user, secret=True)
    if config.state_dir.is_absolute():
        yield from _open_state(config.state_dir, user)


def _secrets(config: Config) -> Iterator[tuple[str, Path]]:
    for name, path in (
        ("key_file", config.key_file),
        ("policy.password_file", config.policy_password_file),
        ("proxy.password_file", config.proxy_password_file),
        ("initial_admin_password_file", config.initial_admin_password_file),
        ("traces.headers_file", config.traces_headers_file),
    ):
        if path is not None:
            yield name, path
    for side, endpoints in config.endpoints:
        for number, endpoint in enumerate(endpoints):
            key = _key_of(endpoint)
            if key is not None:
                yield f"endpoints.{side}[{number}], the private key", key


def _key_of(endpoint: str) -> Path | None:
    try:
        return parse_endpoint(endpoint).key
    except ValueError:
        return None  # reported where the endpoint is made


def _open_to_others(name: str, path: Path, user: int, *, secret: bool) -> Iterator[str]:
    try:
        found = path.stat()
    except OSError:
        return  # whoever reads it says so
    mode = stat.S_IMODE(found.st_mode)
    forbidden = _WRITE
    if secret:
        forbidden |= 0o004 if found.st_uid == 0 else 0o044
    elif found.st_gid == 0:
        forbidden = 0o002
    if mode & forbidden:
        done = "write" if mode & forbidden & _WRITE else "read"
        good = mode & ~forbidden & ~0o7000
        advice = "; and think about who may have read it" if done == "read" else ""
        yield (
            f"{name}: {path} has mode {mode:04o}, so others may {done} it. "
            f"{_remedy(path, f'chmod {good:03o}')}{advice}"
        )
    yield from _of_somebody_else(name, path, found.st_uid, user)


def _of_somebody_else(name: str, path: Path, owner: int, user: int) -> Iterator[str]:
    """As root nothing is said of owners: twistd may change to another user later."""
    if user != 0 and owner not in (0, user):
        yield (
            f"{name}: {path} belongs to {user_name(owner)}, who may change it. "
            f"{_remedy(path, f'chown {user_name(user)}')}"
        )


def _remedy(path: Path, command: str) -> str:
    """The command that mends it, unless it would change what is not the daemon's."""
    if is_foreign(path):
        return "Use another one"
    return f"Run: {command} {quote(str(path))}"


def _open_state(folder: Path, user: int) -> Iterator[str]:
    """Yield what is wrong with the state folder. For one that is something else, such
    as a system's root folder, no command is proposed."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        yield from _not_creatable(folder)
        return
    except NotADirectoryError:
        yield f"state_dir: {folder} is below what is not a folder"
        return
    except OSError:
        return  # for lack of permission: the start says so
    if not stat.S_ISDIR(found.st_mode):
        yield f"state_dir: {folder} is not a folder"
        return
    try:
        refuse_others(folder, os.listdir(folder))
    except StoreError as error:
        yield f"state_dir: {error.message}"
        return
    except OSError:
        pass  # the owner is the reason, and is looked at below
    person = _at_home(folder)
    if person:
        yield f"state_dir: {folder} is the home of {person}. Use a folder of its own"
        return
    mode = stat.S_IMODE(found.st_mode)
    if mode & _WRITE:
        yield (
            f"state_dir: {folder} has mode {mode:04o}, so others may change what is in "
            f"it. {_remedy(folder, 'chmod 700')}"
        )
    if user != 0 and found.st_uid not in (0, user):
        yield f"state_dir: {_of_another_daemon(folder, found.st_uid, user)}"
    if mode & _ENTER:
        readable = sorted(_readable(folder))
        if readable:
            yield (
                f"state_dir: others may read {readable[0]}{_and_more(readable)}. "
                f"{_remedy(folder, 'chmod -R go=')}; and think about who may have "
                "read it"
            )


def _of_another_daemon(folder: Path, owner: int, user: int) -> str:
    """Whose a state folder is, and both ways out: it is rather the command that is
    started by the wrong user."""
    theirs, ours = user_name(owner), user_name(user)
    change = f"chown -R {ours} {quote(str(folder))}"
    instead = "use another folder" if is_foreign(folder) else change
    return (
        f"{folder} belongs to {theirs}: run this as {theirs}. For a daemon of {ours}: "
        f"{instead}"
    )


def _at_home(folder: Path) -> str:
    """The person whose home a folder is; empty if it is no one's. A service's user may
    have it as home, and what is a state folder already may be whatever it is."""
    if os.path.lexists(folder / INFO):
        return ""
    real = os.path.realpath(folder)
    for user in pwd.getpwall():
        is_person = user.pw_uid == 0 or user.pw_uid >= _FIRST_PERSON
        may_sign_in = not user.pw_shell.endswith(("/nologin", "/false"))
        if is_person and may_sign_in and os.path.realpath(user.pw_dir) == real:
            return user.pw_name
    return ""


def _and_more(paths: Sequence[Path]) -> str:
    return f", and {len(paths) - 1} more" if len(paths) > 1 else ""


def _not_creatable(folder: Path) -> Iterator[str]:
    """Yield why a state folder that is not there cannot be created. Nothing is said of
    permissions: the start does that."""
    if folder.is_symlink():
        yield f"state_dir: {folder} is a link to a folder that is not there"
        return
    above = next(each for each in folder.parents if each.exists())
    if os.statvfs(above).f_flag & os.ST_RDONLY:
        yield f"state_dir: {folder} cannot be created, for {above} is read-only"


def _readable(folder: Path) -> Iterator[Path]:
    """Yield the store's files, backups included, that others may read or write."""
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not _is_closed(Path(place, each))]
        for name in names:
            path = Path(place, name)
            is_ours = path.suffix in (".json", ".jsonl", ".key") or "password" in name
            if is_ours and not _is_closed(path):
                yield path


def _is_closed(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return True
    if stat.S_ISDIR(found.st_mode):
        return not found.st_mode & (_ENTER | _WRITE)
    return not stat.S_ISREG(found.st_mode) or not found.st_mode & 0o066
