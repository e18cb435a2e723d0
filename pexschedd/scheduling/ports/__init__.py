"""Ports: the operations required of mailboxes, notifications and calendars.

`ews/` implements these protocols; one contract suite holds each implementation to them.
"""
