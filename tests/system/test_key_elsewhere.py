"""A daemon whose key is a credential of systemd."""

from pathlib import Path

import pytest

from pexschedd.tools.exit_status import ExitStatus
from tests.system.system_support import World


def test_the_key_is_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, and with another one, the daemon ends as for a wrong configuration,
    and names setting and file; with it, it runs and leaves no key in its folder."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    world = World(tmp_path, key_file="$CREDENTIALS_DIRECTORY/secret-key")
    key = credentials / "secret-key"

    def refusal() -> str:
        world.daemon.start()
        assert world.daemon.ended() == ExitStatus.CONFIG
        return world.daemon.log.read_text().splitlines()[-1]

    assert f"key_file: there is no file {key}" in refusal()
    key.write_text("4f" * 32)
    key.chmod(0o400)
    world.start_daemon()
    world.daemon.stop()
    assert not (world.state / "secret.key").exists()
    key.unlink()
    key.write_text("5e" * 32)
    key.chmod(0o400)
    said = refusal()
    assert f"key_file: {key} is not the key" in said
    assert "5e5e" not in said
    key.chmod(0o644)
    assert f"key_file: {key} has mode 0644" in refusal()
