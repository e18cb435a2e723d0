"""The headers for the collector: read at the start and again, and checked before."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from twisted.internet.task import Clock

from pexschedd.config import Config
from pexschedd.daemon_options import DaemonOptions
from pexschedd.errors import ConfigError
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.observation.tracing.otlp_exporter import OtlpExporter
from pexschedd.observation.tracing.spans import SpanQueue
from pexschedd.supervision.trace_settings import reread_headers, trace_headers
from pexschedd.tools.exit_status import ExitStatus

URL = "https://otlp.example.test/v1/traces"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "headers"
    path.write_text("Authorization: Bearer one\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def config(file: Path) -> Config:
    return Config(
        state_dir=Path("/s"),
        addin_endpoints=("tcp:1",),
        admin_endpoints=("tcp:2",),
        traces_url=URL,
        traces_headers_file=file,
    )


def test_read_again(file: Path, config: Config) -> None:
    """A renewed token counts at once; a file that is wrong changes nothing."""
    clock = Clock()
    client = Network(clock, Trust()).http_client()
    headers = trace_headers(config)
    exporter = OtlpExporter(
        SpanQueue(), client, URL, headers, {}, clock, lambda *_: None
    )
    assert exporter.headers == {"Authorization": "Bearer one"}
    assert not reread_headers(exporter, config)
    file.write_text("Authorization: Bearer two\n")
    assert reread_headers(exporter, config)
    assert exporter.headers == {"Authorization": "Bearer two"}
    file.write_text("three\n")
    with pytest.raises(ConfigError):
        reread_headers(exporter, config)
    assert exporter.headers == {"Authorization": "Bearer two"}
    assert not reread_headers(exporter, replace(config, traces_url=""))
    assert reread_headers(exporter, replace(config, traces_headers_file=None))
    assert exporter.headers == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it has no header such as Authorization: Bearer ..."),
        (b"geheim", "line 1 is not a header"),
        (b"\xff\xfe", "it is not text"),
    ],
)
def test_wrong_files(file: Path, config: Config, content: bytes, says: str) -> None:
    """The key, the file and what is wrong; never what is in it."""
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        trace_headers(config)
    assert f"traces.headers_file: {file}: {says}" in str(caught.value)
    assert "geheim" not in str(caught.value).rpartition(str(file))[2]


def test_checked_before_the_start(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check-config` looks into the file."""
    path = tmp_path / "config.json"
    path.write_text(
        '{"state_dir": "state", "endpoints": {"addin": ["tcp:0"], "admin": ["tcp:0"]},'
        f' "traces": {{"url": "{URL}", "headers_file": "headers"}}}}'
    )
    path.chmod(0o644)
    for content, status in (("A: b", ExitStatus.DONE), ("geheim", ExitStatus.CONFIG)):
        file.write_text(content)
        with pytest.raises(SystemExit) as ended:
            DaemonOptions().parseOptions(["--config", str(path), "--check-config"])
        assert ended.value.code == status
    said = capsys.readouterr()
    assert "traces.headers_file" in said.err
    assert "geheim" not in said.err
