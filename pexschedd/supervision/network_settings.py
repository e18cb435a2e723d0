"""The settings of the network whose files are read again: `ca_file`, and the proxy with
its password."""

from msgspec.structs import replace

from pexschedd.config import Config
from pexschedd.net.network import Network
from pexschedd.net.proxy import Proxy


def authorities(config: Config) -> list[tuple[str, bytes]]:
    """Return the source and the PEM text of `ca_file`. Raises OSError."""
    if config.ca_file is None:
        return []
    return [(str(config.ca_file), config.ca_file.read_bytes())]


def proxy_of(config: Config) -> Proxy | None:
    """Return the proxy with its password. Raises OSError, or ValueError without one."""
    if config.proxy is None or config.proxy_password_file is None:
        return config.proxy
    lines = config.proxy_password_file.read_text("utf-8").splitlines()
    if not lines or not lines[0]:
        raise ValueError(
            f"{config.proxy_password_file} has no password in its first line"
        )
    return replace(config.proxy, password=lines[0])


def reread_authorities(network: Network, config: Config) -> bool:
    """Trust what `ca_file` holds now; return whether that is something else. Raises
    `ConfigError` or OSError, and changes nothing then."""
    return network.trust.give(authorities(config))


def reread_proxy(network: Network, config: Config) -> bool:
    """Use the proxy, and the password, that the configuration has now; return whether
    either is another. Raises ValueError or OSError, and changes nothing then."""
    proxy = proxy_of(config)
    has_changed = proxy != network.proxy
    if has_changed:
        network.use_proxy(proxy)
    return has_changed
