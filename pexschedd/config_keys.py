"""The keys of the configuration file, by the object that they are in. Pure."""

KEYS: dict[str, frozenset[str]] = {
    "": frozenset(
        {
            "state_dir",
            "key_file",
            "endpoints",
            "ca_file",
            "proxy",
            "initial_admin_password_file",
            "policy",
            "rooms_url",
            "trusted_proxies",
            "forwarded_header",
            "limits",
            "log",
            "audit_log",
            "traces",
        }
    ),
    "endpoints": frozenset({"addin", "admin", "policy", "rooms"}),
    "proxy": frozenset({"url", "username", "password_file", "bypass"}),
    "policy": frozenset({"username", "password_file"}),
    "limits": frozenset({"bookings_per_user", "bookings_per_address"}),
    "limits.bookings_per_user": frozenset({"at_once", "per_minute"}),
    "limits.bookings_per_address": frozenset({"at_once", "per_minute"}),
    "log": frozenset({"level", "format"}),
    "audit_log": frozenset({"folder", "megabytes", "files"}),
    "traces": frozenset({"url", "headers_file"}),
}
"""Objects by their place in the file, which is itself at ""."""

SECRET_FILES = frozenset(
    {"key_file", "initial_admin_password_file", "password_file", "headers_file"}
)
"""Keys of paths of files that hold a secret."""

URLS = frozenset({"url", "rooms_url"})
"""Keys of URLs."""

SECRETS_IN_STATE = ("initial-admin-password", "secret.key")
"""Names of files in the state folder that hold a secret."""
