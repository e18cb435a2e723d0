"""The demo desk: the daemon, a sandbox Exchange and an Outlook-like page."""
