"""The headers for the collector of traces, which are read again."""

from pathlib import Path

from pexschedd.config import Config
from pexschedd.errors import ConfigError
from pexschedd.observation.tracing.otlp_exporter import OtlpExporter, headers_in
from pexschedd.util.access import reason_of


def trace_headers(config: Config) -> dict[str, str]:
    """Return what is sent to the collector beside traces. Raises `ConfigError`."""
    path = config.traces_headers_file
    if path is None:
        return {}
    try:
        return headers_in(_text(path))
    except OSError as error:
        problem = f"traces.headers_file: {path}: {reason_of(error, path)}"
    except ValueError as error:
        problem = f"traces.headers_file: {path}: {error}"
    raise ConfigError("the configuration file", [problem])


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not text") from None


def reread_headers(exporter: OtlpExporter, config: Config) -> bool:
    """Send the headers that the file has now; return whether they are others. Another
    URL, for which they may be meant, counts from the next start only. Raises
    `ConfigError`, and changes nothing then."""
    if config.traces_url != exporter.url:
        return False
    headers = trace_headers(config)
    has_changed = headers != exporter.headers
    exporter.headers = headers
    return has_changed
