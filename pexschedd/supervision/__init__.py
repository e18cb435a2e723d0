"""The upkeep of a process that runs for years: renewed certificates, changed settings,
and the service manager that watches it."""
